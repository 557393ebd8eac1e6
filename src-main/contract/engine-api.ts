// What the engine answers to the window and the command line.
import { z } from 'zod';
import { defineApi } from './define-api.ts';
import { jobEvent, jobSnapshot } from './job.ts';
import { llamaDevice } from './llama-host-api.ts';
import { inspection } from './model.ts';
import { recipe } from './recipe.ts';
import { textList } from './results.ts';

export const deviceList = z.object({
  /** Devices that llama.cpp sees. */
  devices: z.array(llamaDevice),
  llama: z.object({ release: z.string(), ggmlVersion: z.string() }).nullable(),
  /** Execution providers of onnxruntime on this machine. */
  onnxProviders: z.array(z.string()),
  /** What is not usable, each with its reason. */
  missing: z.array(z.object({ backend: z.string(), reason: z.string() })),
});
export type DeviceList = z.infer<typeof deviceList>;

export const engineApi = defineApi({
  methods: {
    inspect: { params: z.object({ model: z.string(), offline: z.boolean().optional() }), result: inspection },
    texts: { params: z.object({}), result: textList },
    devices: { params: z.object({}), result: deviceList },
    /** Path of the model bundled with Snug. */
    sample: { params: z.object({}), result: z.object({ model: z.string() }) },
    /** Starts a job (one runs at a time, others wait) and answers at once. */
    'jobs.start': { params: z.object({ recipe }), result: z.object({ id: z.string() }) },
    /** All jobs of this engine, oldest first, with the sequence number of the last event they contain. */
    'jobs.list': { params: z.object({}), result: z.object({ jobs: z.array(jobSnapshot) }) },
    'jobs.get': { params: z.object({ id: z.string() }), result: jobSnapshot },
    /** Cancels; answers when the job has ended. */
    'jobs.cancel': { params: z.object({ id: z.string() }), result: jobSnapshot },
  },
  events: {
    'jobs.added': jobSnapshot,
    'jobs.changed': z.object({ id: z.string(), event: jobEvent }),
  },
});
export type EngineApi = typeof engineApi;
