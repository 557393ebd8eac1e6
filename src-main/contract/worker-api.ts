// What the worker does: tensor arithmetic on files, through the native addon and onnxruntime. One task per method.
import { defineApi } from './define-api.ts';
import { calibrationTasks } from './worker/calibration.ts';
import { deviceTasks } from './worker/device.ts';
import { fileTasks } from './worker/file.ts';
import { runningTasks } from './worker/running.ts';
import { slicingTasks } from './worker/slicing.ts';

export const workerApi = defineApi({
  methods: { ...deviceTasks, ...fileTasks, ...calibrationTasks, ...slicingTasks, ...runningTasks },
  events: {},
});
export type WorkerApi = typeof workerApi;
