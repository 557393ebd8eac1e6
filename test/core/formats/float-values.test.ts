// Conversions between floating-point types against the rounding of JavaScript's own and against all halves.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { convertFloats, floatAt } from '../../../src-main/core/formats/float-values.ts';

const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Every finite half, as bits. */
const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);

it('every finite half goes to float32 and back', () => {
  const wide = convertFloats(bytesOf(halves), 'F16', 'F32');
  expect(convertFloats(wide, 'F32', 'F16')).toEqual(bytesOf(halves));
  expect(floatsOf(wide)[1]).toBe(2 ** -24);
});

it('what lies between two halves goes to the nearer, a middle to the even one', () => {
  const positive = floatsOf(convertFloats(bytesOf(halves.filter((bits) => bits < 0x7c00)), 'F16', 'F32'));
  const between = Float32Array.from({ length: positive.length - 1 }, (_, i) => (positive[i]! + positive[i + 1]!) / 2);
  const rounded = new Uint16Array(convertFloats(bytesOf(between), 'F32', 'F16').slice().buffer);
  rounded.forEach((bits, lower) => {
    if (bits !== lower + (lower % 2)) throw new Error(`${between[lower]} became half ${bits}`);
  });
  const near = Float32Array.from(between, (middle, i) => middle + (positive[i + 1]! - middle) / 8);
  const up = new Uint16Array(convertFloats(bytesOf(near), 'F32', 'F16').slice().buffer);
  expect(up.every((bits, lower) => bits === lower + 1)).toBe(true);
});

it('numbers past the range of a half become infinite', () => {
  const values = Float32Array.of(65519, 65520, -1e10, 2 ** -25, -(2 ** -25) * 1.01);
  const halvesOf = new Uint16Array(convertFloats(bytesOf(values), 'F32', 'F16').slice().buffer);
  expect([...halvesOf]).toEqual([0x7bff, 0x7c00, 0xfc00, 0, 0x8001]);
});

it('bfloat16 keeps the upper half, rounded', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const brain = floatsOf(
        convertFloats(convertFloats(bytesOf(Float32Array.of(value)), 'F32', 'BF16'), 'BF16', 'F32'),
      )[0]!;
      if (Number.isFinite(brain))
        expect(Math.abs(brain - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -8 + 2 ** -134);
    }),
  );
});

it('float64 is rounded to float32', () => {
  const bytes = bytesOf(Float64Array.of(0.1, -3));
  expect([...floatsOf(convertFloats(bytes, 'F64', 'F32'))]).toEqual([Math.fround(0.1), -3]);
  expect(floatAt(bytes, 'F64', 0)).toBe(0.1);
});
