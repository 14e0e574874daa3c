/**
 * 64 bits of a text as 16 hex digits. For telling versions of our own text apart, not for security.
 * Two lanes of multiply-and-fold with murmur3's finalizer.
 */
export function hashText(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  return hex32(finalize(a) ^ Math.imul(finalize(b), 31)) + hex32(finalize(b) ^ Math.imul(finalize(a), 17));
}

function finalize(lane: number): number {
  let h = lane;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
