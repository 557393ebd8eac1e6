// What there is to know of a plan, as sentences.
import type { PlanRemark } from '../../contract/plan.ts';

const sentences = {
  narrower:
    'Cuts the width of the model: calibration finds the directions that carry least, and they are left out. It usually loses more than smaller types do, so fit keeps a slice only if it measures better.',
  'narrower-wished':
    'Cuts the width of the model: calibration finds the directions that carry least, and they are left out. It usually loses more than smaller types do.',
  'folder-written': 'The folder is written as one GGUF file, which is what runners read.',
  'of-no-use': 'Expected to lose too much to be of use.',
  'source-quantised': 'The source is quantised already; the loss is counted against it, not against the original.',
  'cache-type': 'Start the runner with flash attention and this cache type.',
} as const;

export function remarkInWords(remark: PlanRemark): string {
  switch (remark.kind) {
    case 'fallback': {
      const { fallen, matrices, blockSize, types } = remark;
      return `${fallen} of ${matrices} matrices have rows that are no multiple of ${blockSize}, so llama.cpp gives them ${types.join(', ')} instead.`;
    }
    case 'slower':
      return `Slower: start the runner with ${remark.flag}.`;
    case 'measured': {
      const { run, windows, windowTokens, text } = remark;
      return `The loss was measured by run ${run}, on ${windows} windows of ${windowTokens} tokens of ${text}.`;
    }
    default:
      return sentences[remark.kind];
  }
}
