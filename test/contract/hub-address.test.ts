// Addresses on a hub: read, written again, and refused where they could mean something else.
import { describe, expect, it } from 'vitest';
import { formatHubAddress, isHubAddress, parseHubAddress } from '../../src-main/contract/hub-address.ts';

describe('an address on a hub', () => {
  it.each([
    ['hub:Qwen/Qwen3-0.6B', { owner: 'Qwen', name: 'Qwen3-0.6B', revision: 'main', file: null }],
    ['hub:o/n:a.gguf', { owner: 'o', name: 'n', revision: 'main', file: 'a.gguf' }],
    [
      'hub:o/n:folder/a-00001-of-00002.gguf',
      { owner: 'o', name: 'n', revision: 'main', file: 'folder/a-00001-of-00002.gguf' },
    ],
    ['hub:o/n:Q4_K_M', { owner: 'o', name: 'n', revision: 'main', file: 'Q4_K_M' }],
    ['hub:o/n@v1.0', { owner: 'o', name: 'n', revision: 'v1.0', file: null }],
    ['hub:o/n@refs/pr/3:a b@2.gguf', { owner: 'o', name: 'n', revision: 'refs/pr/3', file: 'a b@2.gguf' }],
  ])('%s', (text, address) => {
    expect(parseHubAddress(text)).toEqual(address);
    expect(formatHubAddress(address)).toBe(text);
    expect(isHubAddress(text)).toBe(true);
  });

  it('leaves out the usual revision', () => {
    expect(formatHubAddress(parseHubAddress('hub:o/n@main:f'))).toBe('hub:o/n:f');
  });

  it.each([
    'hub:',
    'hub:o',
    'hub:o/',
    'hub:/n',
    'hub:o/n/more',
    'hub:../n',
    'hub:o/..',
    'hub:o/n--m',
    'hub:o/n.git',
    'hub:-o/n',
    'hub:o/n@',
    'hub:o/n@a..b',
    'hub:o/n@../../x',
    'hub:o/n?x=1',
    'hub:o/n:',
    'hub:o/n:/etc/passwd',
    'hub:o/n:../x',
    'hub:o/n:a/../../x',
    'hub:o/n:a\\b',
    'hub:o/n:C:x',
    'hub:o/n:a//b',
  ])('is refused: %s', (text) => {
    expect(() => parseHubAddress(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('is no path', () => {
    expect(isHubAddress('./hub:o/n')).toBe(false);
    expect(isHubAddress('/models/hub:o/n')).toBe(false);
  });
});
