// Canned results of studies, one of each kind. The numbers are invented, the shapes are the contract's.
import type { StudyKind } from '../../src-main/contract/recipe.ts';
import type { StudyResult } from '../../src-main/contract/study.ts';
import { results } from './fake-results.ts';

const { kind: _, rows, ...common } = results.study.value;
const [constant, variance] = rows;
const { scheduler: __, retained: ___, energyLost, ...row } = constant!;

/** One of each kind. */
export const studies: { [Kind in StudyKind]: Extract<StudyResult, { kind: Kind }> } = {
  sparsity: { ...common, kind: 'sparsity', rows: [constant!, variance!] },
  'calibration-size': {
    ...common,
    kind: 'calibration-size',
    calibration: null,
    rows: [{ ...row, value: 128, samples: 87, tokens: 178_176, energyLost }],
  },
  'pca-precision': {
    ...common,
    kind: 'pca-precision',
    output: '/out/rows.csv',
    rows: [
      {
        ...{ ...row, value: 'fp32', orthogonality: 2.7e-6 },
        eigenvalueError: { firstSite: 2.3e-8, largest: 1.1e-7, site: 'layer3.mlp_out' },
      },
    ],
  },
  speed: {
    ...common,
    kind: 'speed',
    ...{ promptTokens: 128, decodeTokens: 32 },
    rows: [
      {
        ...{ ...row, value: 4, model: 'dense', device: 'cpu', spread: 0.012, kld: 0, sparsity: 0 },
        ...{ prefillTokensPerSecond: 14_486, decodeTokensPerSecond: 132.71, prefillRatio: 1, decodeRatio: 1 },
        parametersAfter: common.dense.parameters,
      },
      {
        ...{ ...row, value: 4, model: 'sliced', device: 'cpu', spread: 0.04 },
        ...{ prefillTokensPerSecond: 17_110, decodeTokensPerSecond: 141.1, prefillRatio: 1.181, decodeRatio: 1.063 },
      },
    ],
  },
  combination: {
    ...common,
    ...{ kind: 'combination', method: 'shared', type: null },
    skipped: [{ value: '0.1, Q4_K_M', reason: 'Nothing would be cut.' }],
    rows: [
      { ...row, value: 0.1, type: 'Q4_0', width: 512, onFront: true, fileBytes: 83e6, parametersAfter: 120_000_000 },
      { ...row, value: 0, type: 'Q8_0', width: 576, onFront: false, fileBytes: 143e6, sparsity: 0 },
    ],
  },
};
