// Words that reports have for what measured a quality.
import { expect, it } from 'vitest';
import { measuredBy } from '../../src-main/cli/report/numbers.ts';
import { results } from './fake-results.ts';

it('a quality says what ran: an ONNX file itself, or graphs', () => {
  const { dense: _, ...alone } = { ...results.evaluate.value, engine: 'onnx', kind: 'weights-only' } as const;
  const dense = alone.compressed;
  const ends = ', weights only';
  expect(measuredBy(alone)).toBe(`Snug's own graphs${ends}`);
  expect(measuredBy({ ...alone, onnxFiles: ['compressed'] })).toBe(`onnxruntime running the ONNX file itself${ends}`);
  expect(measuredBy({ ...alone, dense, onnxFiles: ['compressed'] })).toBe(
    `onnxruntime running the ONNX file of the model itself, the original by Snug's own graphs${ends}`,
  );
  expect(measuredBy({ ...alone, dense, onnxFiles: ['dense'] })).toBe(
    `onnxruntime running the ONNX file of the original itself, the model by Snug's own graphs${ends}`,
  );
  expect(measuredBy({ ...alone, dense, onnxFiles: ['dense', 'compressed'] })).toBe(
    `onnxruntime running both ONNX files themselves${ends}`,
  );
});
