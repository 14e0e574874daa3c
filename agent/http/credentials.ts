import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ConfigError } from '../config/load.js';
import { ACCESS_KEY_ID, ACCESS_KEY_SECRET, type Config, MIN_TOKEN_LENGTH } from '../config/schema.js';
import { readSecretFile } from '../lib/secret-file.js';
import { yaml } from '../lib/yaml.js';

/** `read-only`: everything that changes nothing. */
export type Scope = 'full' | 'read-only';

/** Who asks: the bearer of a token, the owner of an access key, or a program of this machine that needs neither. */
export interface Principal {
  readonly kind: 'token' | 'access-key' | 'local';
  readonly name: string;
  readonly scope: Scope;
  /** Of a program of this machine, where the kernel tells. */
  readonly uid?: number;
}

interface AccessKey {
  readonly secret: string;
  readonly principal: Principal;
}

export interface Credentials {
  readonly wantsToken: boolean;
  /** Whether requests to the EC2 endpoint must be signed. */
  readonly wantsSignature: boolean;
  tokenBearer(token: string): Principal | undefined;
  /** By access key id. */
  readonly accessKeys: ReadonlyMap<string, AccessKey>;
}

type CredentialsConfig = Pick<Config, 'token' | 'accessKeys' | 'credentialsFile'>;

const scope = z.enum(['full', 'read-only']);
const CredentialsFile = z
  .strictObject({
    tokens: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits and . _ @ -'),
          scope,
          token: z.string().regex(/^\S+$/, 'must have no blanks').min(MIN_TOKEN_LENGTH, `must have ${MIN_TOKEN_LENGTH} characters or more`),
        }),
      )
      .default([]),
    accessKeys: z
      .array(
        z.strictObject({
          id: z.string().regex(ACCESS_KEY_ID, 'must be 16 to 128 letters and digits'),
          scope,
          secret: z.string().regex(ACCESS_KEY_SECRET, 'must be 16 to 128 characters without blanks and commas'),
        }),
      )
      .default([]),
  })
  .refine(({ tokens, accessKeys }) => tokens.length + accessKeys.length > 0, 'must hold at least one token or access key');

/**
 * What the settings and the credentials file hold. With a credentials file, REST always wants a token, whatever is in it: a file that loses
 * its tokens closes the door instead of opening it.
 * @throws {ConfigError} naming file and place, never a secret.
 */
export function readCredentials(config: CredentialsConfig): Credentials {
  const file = config.credentialsFile === undefined ? undefined : readCredentialsFile(config.credentialsFile);
  const tokens = [
    ...(config.token === undefined ? [] : [{ name: 'configuration', scope: 'full' as const, token: config.token }]),
    ...(file?.tokens ?? []),
  ];
  const keys = [
    ...(config.accessKeys ?? []).map((pair) => {
      const [id = '', secret = ''] = pair.split(/:(.*)/s, 2);
      return { id, secret, scope: 'full' as const };
    }),
    ...(file?.accessKeys ?? []),
  ];
  refuseRepeated(
    config.credentialsFile,
    'name of a token',
    tokens.map(({ name }) => name),
  );
  refuseRepeated(
    config.credentialsFile,
    'access key id',
    keys.map(({ id }) => id),
  );
  if (new Set(tokens.map(({ token }) => token)).size < tokens.length)
    throw new ConfigError([`${config.credentialsFile}: two tokens are the same: nobody could tell who asks`]);
  return new ReadCredentials(
    tokens.map(({ name, scope, token }) => ({ digest: digest(token), principal: { kind: 'token', name, scope } })),
    new Map(keys.map(({ id, secret, scope }) => [id, { secret, principal: { kind: 'access-key', name: id, scope } }])),
    tokens.length > 0 || config.credentialsFile !== undefined,
  );
}

class ReadCredentials implements Credentials {
  constructor(
    private readonly tokens: readonly { readonly digest: Buffer; readonly principal: Principal }[],
    readonly accessKeys: ReadonlyMap<string, AccessKey>,
    readonly wantsToken: boolean,
  ) {}

  get wantsSignature(): boolean {
    return this.accessKeys.size > 0;
  }

  /** Digests have one length and no relation to what is near in the token, and all are compared: the duration tells nothing. */
  tokenBearer(token: string): Principal | undefined {
    const given = digest(token);
    let found: Principal | undefined;
    for (const { digest: expected, principal } of this.tokens) if (timingSafeEqual(given, expected)) found = principal;
    return found;
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function refuseRepeated(file: string | undefined, what: string, values: readonly string[]): void {
  const repeated = values.find((value, at) => values.indexOf(value) !== at);
  if (repeated !== undefined) throw new ConfigError([`${file ?? 'accessKeys'}: ${what} ${repeated} is there twice`]);
}

function readCredentialsFile(path: string): z.output<typeof CredentialsFile> {
  const document = yaml().parseDocument(contentOf(path));
  const [fault] = document.errors;
  // The rest of the message shows the line, and with it a secret.
  if (fault) throw new ConfigError([`${path}: is not valid YAML: ${fault.message.split('\n', 1)[0]?.replace(/:$/, '')}`]);
  const parsed = CredentialsFile.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  throw new ConfigError(parsed.error.issues.map((issue) => `${path}: ${placeOf(issue.path)}${withoutValues(issue)}`));
}

function contentOf(path: string): string {
  try {
    return readSecretFile(path);
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : String(error)]);
  }
}

const placeOf = (path: readonly PropertyKey[]): string => (path.length === 0 ? '' : `${path.map(String).join('.')}: `);

/** A misspelt key could be a secret that slipped out of its place. */
function withoutValues(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? 'has a key that is not known' : issue.message;
}
