// All verbs, in the order of the help.
import type { Verb } from './verb.ts';
import { calibrate } from './verbs/calibrate.ts';
import { demo } from './verbs/demo.ts';
import { devices } from './verbs/devices.ts';
import { download } from './verbs/download.ts';
import { evaluate } from './verbs/evaluate.ts';
import { exportModel } from './verbs/export.ts';
import { fit } from './verbs/fit.ts';
import { generate } from './verbs/generate.ts';
import { history } from './verbs/history.ts';
import { inspect } from './verbs/inspect.ts';
import { invariance } from './verbs/invariance.ts';
import { plan } from './verbs/plan.ts';
import { quantize } from './verbs/quantize.ts';
import { resume } from './verbs/resume.ts';
import { runners } from './verbs/runners.ts';
import { search } from './verbs/search.ts';
import { slice } from './verbs/slice.ts';
import { study } from './verbs/study.ts';
import { texts } from './verbs/texts.ts';

export const verbs: readonly Verb[] = [
  demo,
  inspect,
  search,
  download,
  plan,
  fit,
  quantize,
  slice,
  calibrate,
  evaluate,
  invariance,
  generate,
  study,
  exportModel,
  history,
  resume,
  runners,
  texts,
  devices,
];
