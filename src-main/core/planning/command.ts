// The llama-server command line that runs a plan's file as planned.
import type { Plan } from '../../contract/plan.ts';
import type { Target } from '../../contract/target.ts';

const allLayers = 999;

/** `contextLength` is the model's own; a file-size target asks for no context, so the runner gets at most that. */
export function serverCommand(
  plan: Plan,
  target: Target,
  { file, contextLength }: { file: string; contextLength: number | null },
): string {
  const asked = target.kind === 'memory' ? target : { context: Math.min(4096, contextLength ?? 4096), kvType: 'f16' };
  let { context, kvType }: { context: number; kvType: string } = asked;
  let layers = `--n-gpu-layers ${allLayers}`;
  let experts = '';
  for (const step of plan.steps) {
    if (step.method === 'context') context = step.tokens;
    else if (step.method === 'kv-cache') kvType = step.type;
    else if (step.method === 'cpu-layers') layers = step.flag;
    else if (step.method === 'cpu-experts') experts = ` ${step.flag}`;
  }
  const cache = kvType === 'f16' ? '' : ` --flash-attn on --cache-type-k ${kvType} --cache-type-v ${kvType}`;
  return `llama-server --model "${file}" --ctx-size ${context} ${layers}${experts}${cache}`;
}
