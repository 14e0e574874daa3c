import { readFileSync, writeFileSync } from 'node:fs';
import { Option } from 'commander';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { NOUNS } from '../nouns.js';
import { action, show } from '../session.js';
import { type CreateVerb, tagsOf } from './create.js';
import { showResource } from './describe.js';
import { examples, given } from './shared.js';

/** `eni create key`: generates a pair, or takes a public key. */
export function createKeyCommand(verb: CreateVerb, io: Io): void {
  verb('key', 'A key pair: its public key is in the metadata of instances that are run with it')
    .argument('<key-name>')
    .addOption(new Option('--type <type>', 'kind of the key that is generated').choices(['ed25519', 'rsa']))
    .option('--out <file>', 'write the private key there, readable by its owner only (default: print it)')
    .option('--public-key <file>', "take this public key, in OpenSSH's format, and generate none")
    .addHelpText('after', examples('eni create key admin --out admin.pem', 'eni create key laptop --public-key ~/.ssh/id_ed25519.pub'))
    .action(
      action(io, async (session, [keyName], options) => {
        const { path } = NOUNS.key;
        const common = { keyName, tags: tagsOf(options) };
        if (options.publicKey !== undefined) {
          if (options.type !== undefined || options.out !== undefined)
            throw new UsageError('--public-key does not go with --type and --out');
          const body = given({ ...common, publicKey: readText(options.publicKey) });
          return showResource(session, 'key', await session.client.resource('POST', `${path}/import`, body));
        }
        const { privateKey, ...made } = await session.client.resource('POST', path, given({ ...common, keyType: options.type }));
        if (options.out === undefined) return show(session, { ...made, privateKey: privateKey ?? '' }, () => String(privateKey));
        writePrivate(options.out, String(privateKey));
        showResource(session, 'key', made);
      }),
    );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A file that is there is left alone: it may be another key. */
function writePrivate(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
