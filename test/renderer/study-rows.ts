// Rows of studies for tests: as the engine tells them.
import type {
  CalibrationSizeRow,
  CombinationRow,
  PcaPrecisionRow,
  SparsityRow,
  SpeedRow,
} from '../../src-main/contract/study.ts';

const every = {
  ...{ perplexity: 60, perplexityStandardError: 2, perplexityRatio: 1.1, perplexityRatioStandardError: 0.01 },
  ...{ kld: 0.2, kldStandardError: 0.01, topOneAgreement: 0.8, sparsity: 0.25, parametersAfter: 5_000_000 },
  ...{ fileBytes: 11_000_000, seconds: 4, finished: '2026-01-01T00:00:00.000Z' },
};

export const sparsityRow = (more: Partial<SparsityRow> = {}): SparsityRow => ({
  ...{ ...every, value: 0.25, scheduler: 'constant', retained: null, energyLost: 0.02, ...more },
});

export const samplesRow = (more: Partial<CalibrationSizeRow> = {}): CalibrationSizeRow => ({
  ...{ ...every, value: 32, samples: 32, tokens: 16_384, energyLost: 0.02, ...more },
});

export const precisionRow = (more: Partial<PcaPrecisionRow> = {}): PcaPrecisionRow => ({
  ...{ ...every, value: 'fp64', orthogonality: 3.2e-15, ...more },
  eigenvalueError: { firstSite: 0, largest: 0, site: 'embed' },
});

export const speedRow = (more: Partial<SpeedRow> = {}): SpeedRow => ({
  ...{ ...every, value: 4, model: 'sliced', device: 'cpu', prefillTokensPerSecond: 1200, decodeTokensPerSecond: 80 },
  ...{ prefillRatio: 1.3, decodeRatio: 1.15, spread: 0.04, ...more },
});

export const combinationRow = (more: Partial<CombinationRow> = {}): CombinationRow => ({
  ...{ ...every, value: 0, sparsity: 0, type: 'Q8_0', width: 256, onFront: false, ...more },
});
