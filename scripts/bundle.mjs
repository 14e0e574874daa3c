#!/usr/bin/env node
// The last step of the build: enid.js and eni.js in dist/agent, each what main.js and cli/main.js there load, in few files. Loading five hundred
// small ones takes Node longer than all the rest of a start without interfaces. `node --enable-source-maps` shows the places in the small ones.
// Beside them third-party-licenses.txt, with the licenses of the packages whose code they hold.
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';

const OUT = 'dist/agent';
const CHUNK = 'bundled-';
/** They load files of their own packages: native code, pages. */
const EXTERNAL = ['lmdb', 'koffi', '@fastify/swagger-ui'];

for (const name of readdirSync(OUT)) if (name.startsWith(CHUNK)) rmSync(`${OUT}/${name}`);
const bundle = await rolldown({
  input: { enid: `${OUT}/main.js`, eni: `${OUT}/cli/main.js` },
  platform: 'node',
  external: EXTERNAL,
});
const { output } = await bundle.write({
  dir: OUT,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: `${CHUNK}[name].js`,
});
for (const name of ['enid', 'eni']) chmodSync(`${OUT}/${name}.js`, 0o755);
writeFileSync(`${OUT}/third-party-licenses.txt`, licenses(output.flatMap((chunk) => chunk.moduleIds ?? [])));

function licenses(modules) {
  const packages = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id) ?? []));
  return [...packages]
    .sort()
    .map((directory) => {
      const { name, version, license } = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
      const files = readdirSync(directory).filter((file) => /^(licen[cs]e|notice)/i.test(file));
      return [`${name} ${version}: ${license}`, ...files.map((file) => readFileSync(`${directory}/${file}`, 'utf8').trim())].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);
}
