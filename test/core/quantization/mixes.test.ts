import { describe, expect, it } from 'vitest';
import { ggmlTypeByName } from '../../../src-main/core/formats/ggml-types.ts';
import {
  findMix,
  findType,
  mixAliases,
  mixes,
  nearestName,
  singleTypes,
} from '../../../src-main/core/quantization/mixes.ts';
import { thrownBy } from '../../worker/quantize-oracle.ts';

describe('mixes', () => {
  it('have one name and one number each, and types that exist', () => {
    expect(new Set(mixes.map(({ name }) => name)).size).toBe(mixes.length);
    expect(new Set(mixes.map(({ fileType }) => fileType)).size).toBe(mixes.length);
    for (const { type } of mixes) expect(singleTypes).toContain(type);
    for (const type of singleTypes) expect(ggmlTypeByName(type)?.name).toBe(type);
    for (const target of Object.values(mixAliases)) expect(mixes.map(({ name }) => name)).toContain(target);
  });

  it.each([
    ['Q4_K_M', 'Q4_K_M', 15],
    ['q4_k', 'Q4_K_M', 15],
    ['Q3_K', 'Q3_K_M', 12],
    ['Q5_K', 'Q5_K_M', 17],
    ['mxfp4', 'MXFP4_MOE', 38],
    ['iq2_xs', 'IQ2_XS', 20],
  ])('%s is %s, file type %i', (given, name, fileType) => {
    expect(findMix(given)).toMatchObject({ name, fileType });
  });

  it('a misspelt name gets the nearest one', async () => {
    expect(await thrownBy(() => findMix('Q4_KM'))).toMatchObject({ code: 'USAGE', details: { nearest: 'Q4_K_M' } });
    expect(await thrownBy(() => findType('IQ2XS'))).toMatchObject({ code: 'USAGE', details: { nearest: 'IQ2_XS' } });
    const error = await thrownBy(() => findMix('something else'));
    expect(error).toMatchObject({ code: 'USAGE', details: { nearest: null } });
    expect(error!.message).not.toContain('Did you mean');
  });

  it('types are found in any case', () => {
    expect(findType('q4_K')).toBe('Q4_K');
  });

  it('the nearest name ignores case and gives up at three edits', () => {
    expect(nearestName('q8_O', ['Q8_0', 'Q6_K'])).toBe('Q8_0');
    expect(nearestName('abc', ['Q8_0'])).toBeNull();
    expect(nearestName('', [])).toBeNull();
  });
});
