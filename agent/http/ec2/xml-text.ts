/** XML that needs no shapes. */

export const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function errorXml(code: string, message: string, requestId: string): string {
  const error = `<Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error>`;
  return `${HEAD}<Response><Errors>${error}</Errors><RequestID>${escapeXml(requestId)}</RequestID></Response>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };

/** ASCII that stands for itself: nearly all there is. */
const PLAIN = /^[ !#-%'-;=?-~]*$/;

/** Characters that XML cannot carry, unpaired surrogates among them, become the replacement character. */
export function escapeXml(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (character) => (/[\t\n\r\x7f-\x9f]/.test(character) ? character : '\ufffd'))
    .replaceAll(/[&<>"\r]/g, (character) => ENTITIES[character] ?? character);
}
