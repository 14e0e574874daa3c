// A flame graph (SVG on standard output) of a profile that `node --cpu-prof` wrote: `node scripts/bench.d/flame.mjs FILE [FUNCTION…]`.
// Only what runs below one of the functions counts, where some are named. Width is time; what takes less than a 250th is left out.
import { readFileSync } from 'node:fs';

const WIDTH = 1200;
const ROW = 17;
const LEAST = 1 / 250;

const [file, ...roots] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
const byId = new Map(nodes.map((node) => [node.id, node]));

function nameOf({ callFrame: { functionName, url, lineNumber } }) {
  const place = url.replace(/^.*\/(dist|node_modules)\//, '').replace(/^node:/, '');
  return `${functionName || '(anonymous)'}${place ? ` ${place}:${lineNumber + 1}` : ''}`;
}

function stackOf(id) {
  const stack = [];
  for (let at = id; at !== undefined; at = parents.get(at)) stack.unshift(nameOf(byId.get(at)));
  return stack.slice(1);
}

const tree = { name: 'all', time: 0, children: new Map() };
const stacks = new Map(nodes.map(({ id }) => [id, stackOf(id)]));
for (const [i, id] of samples.entries()) {
  let stack = stacks.get(id);
  if (stack[0]?.startsWith('(idle)')) continue;
  if (roots.length > 0) {
    const from = stack.findIndex((name) => roots.includes(name.split(' ')[0]));
    if (from < 0) continue;
    stack = stack.slice(from);
  }
  let at = tree;
  at.time += timeDeltas[i];
  for (const name of stack) {
    if (!at.children.has(name)) at.children.set(name, { name, time: 0, children: new Map() });
    at = at.children.get(name);
    at.time += timeDeltas[i];
  }
}

const boxes = [];
function place(node, x, depth) {
  boxes.push({ node, x, depth });
  let left = x;
  for (const child of [...node.children.values()].sort((a, b) => b.time - a.time)) {
    if (child.time / tree.time >= LEAST) place(child, left, depth + 1);
    left += child.time;
  }
}
place(tree, 0, 0);

const xmlText = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const colour = (name) => {
  const hue = name.includes('agent/kernel') ? 10 : name.includes('agent/') ? 35 : name.includes(' ') ? 55 : 200;
  return `hsl(${hue} 75% ${66 + ([...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 12)}%)`;
};
const height = (Math.max(...boxes.map(({ depth }) => depth)) + 1) * ROW;
const scale = WIDTH / tree.time;
const shapes = boxes.map(({ node, x, depth }) => {
  const [left, width] = [x * scale, node.time * scale];
  const shown = width > 30 ? xmlText(node.name.slice(0, Math.floor(width / 6.2))) : '';
  const title = `${xmlText(node.name)}: ${((100 * node.time) / tree.time).toFixed(1)} %`;
  const box = `<rect x="${left.toFixed(1)}" y="${depth * ROW}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(node.name)}"/>`;
  const text = shown && `<text x="${(left + 2).toFixed(1)}" y="${depth * ROW + 12}">${shown}</text>`;
  return `<g><title>${title}</title>${box}${text}</g>`;
});
console.log(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">${shapes.join('\n')}</svg>`,
);
