// The verdict in the largest type: on what the form says now, never on what it said before.
import type { Plan, PlanList } from '../../../src-main/contract/plan.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { useWords } from '../../words/words.ts';
import { whyOf } from '../front/front-view.ts';
import { headlineOf } from './plan-view.ts';
import { previewOf } from './preview.ts';

const words = useWords();

export interface Asked {
  list: PlanList;
  chosen: Plan;
  /** What the form says; null where that is no target. */
  asked: Target | null;
  /** The list is for what the form said before. */
  isStale: boolean;
}

export interface PanelVerdict {
  headline: string;
  rest: string;
  /** How the plan stands among the others; empty while they are being worked out. */
  why: string;
  /** False where there is nothing to judge. */
  isVerdict: boolean;
  /** What the bar shows. */
  plan: Plan;
  target: Target;
}

export function panelVerdict({ list, chosen, asked, isStale }: Asked): PanelVerdict {
  const before = { plan: chosen, target: list.target };
  if (asked === null)
    return { headline: words.plans.verdict.writeSize, rest: '', why: '', isVerdict: false, ...before };
  const plan = isStale && list.best !== null ? previewOf(chosen, list.target, asked) : null;
  const [headline, rest] = plan ? headlineOf({ ...list, target: asked }, plan, true) : headlineOf(list, chosen);
  return {
    headline,
    rest,
    why: isStale ? '' : whyOf(chosen, list),
    isVerdict: true,
    ...(plan ? { plan, target: asked } : before),
  };
}
