import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../agent/lib/log.js';

function lines(format: 'json' | 'pretty', run: (log: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  run(createLogger({ format, level: 'info', destination: { write: (chunk: string) => (text += chunk) } }));
  return text;
}

describe('createLogger', () => {
  it.each(['json', 'pretty'] as const)('hides secrets wherever they usually stand: %s', (format) => {
    const text = lines(format, (log) => {
      log.info(
        { token: 's3cret', config: { token: 's3cret' }, req: { headers: { authorization: 'Bearer s3cret' } }, eniId: 'eni-1' },
        'hello',
      );
    });
    expect(text).toContain('hello');
    expect(text).toContain('eni-1');
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('s3cret');
  });

  it('leaves out what is below the level', () => {
    expect(lines('json', (log) => log.debug('quiet'))).toBe('');
    expect(JSON.parse(lines('json', (log) => log.warn('loud')))).toMatchObject({ msg: 'loud', level: 40 });
  });
});
