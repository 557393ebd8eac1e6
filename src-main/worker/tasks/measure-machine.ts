// Measures how fast this machine is.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { measureMachine as measure } from '../../core/planning/measure-machine.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { nativeQuantizer } from '../native/native-quantizer.ts';

export const measureMachine: HandlersOf<WorkerApi>['measureMachine'] = async ({ folder, threads }, { signal }) => {
  const start = performance.now();
  const [linearAlgebra, quantizer] = [openLinearAlgebra(threads), nativeQuantizer(threads)];
  const rates = await measure({ linearAlgebra, quantizer, threads, folder, signal });
  return { rates, seconds: (performance.now() - start) / 1000 };
};
