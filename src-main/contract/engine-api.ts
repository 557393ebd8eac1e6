// What the engine answers to the window and the command line.
import { z } from 'zod';
import { askRequest, askResult, asking } from './chat.ts';
import { defineApi } from './define-api.ts';
import { cudaFiles, deviceList } from './devices.ts';
import {
  comparison,
  deletedFiles,
  experiment,
  experimentDetail,
  experimentList,
  historyFilter,
  modelLibrary,
  unfinishedList,
} from './history.ts';
import { jobEvent, jobSnapshot } from './job.ts';
import { jobLog, runId } from './job-log.ts';
import { hubChoices, hubSearch, publishedModels, repositoryRequest, searchRequest } from './hub-search.ts';
import { inspection } from './model.ts';
import { preflight } from './preflight.ts';
import { progress } from './progress.ts';
import { recipe } from './recipe.ts';
import { textList } from './results.ts';
import { settingsChange, settingsState } from './settings.ts';
import { exportRequest, exportResult, runnerList, undoRequest, undoResult } from './runners.ts';

export const engineApi = defineApi({
  methods: {
    inspect: { params: z.object({ model: z.string(), offline: z.boolean().optional() }), result: inspection },
    texts: { params: z.object({}), result: textList },
    /** `probe`: try onnxruntime's providers too, which takes seconds where there is a GPU. */
    devices: { params: z.object({ probe: z.boolean().default(true) }), result: deviceList },
    /** Has onnxruntime-node fetch its CUDA files. */
    installCuda: { params: z.object({}), result: cudaFiles },
    /** A token that the window keeps for the user, for requests to the hub; null: none. HF_TOKEN goes before it. */
    'hub.setToken': { params: z.object({ token: z.string().min(1).nullable() }), result: z.object({}) },
    /** Repositories on the hub with these words in their names, the most downloaded of each format first. */
    'hub.search': { params: searchRequest, result: hubSearch },
    /** The models of a repository. */
    'hub.files': { params: repositoryRequest, result: hubChoices },
    /** GGUF quantisations of a repository's model that others published. */
    'hub.published': { params: repositoryRequest, result: publishedModels },
    'settings.get': { params: z.object({}), result: settingsState },
    'settings.change': { params: settingsChange, result: settingsState },
    /** Path of the model bundled with Snug. */
    sample: { params: z.object({}), result: z.object({ model: z.string() }) },
    /** Starts a job (one runs at a time, others wait) and answers at once. */
    'jobs.start': {
      params: z.object({ recipe, clonedFrom: z.string().nullable().default(null) }),
      result: z.object({ id: z.string() }),
    },
    /**
     * What a job is expected to take, and what speaks against it. The first time, the machine is measured: about a second.
     * `isOutputOpen`: where the output goes is not decided yet, so its folder refuses nothing.
     */
    'jobs.preflight': { params: z.object({ recipe, isOutputOpen: z.boolean().optional() }), result: preflight },
    /** All jobs of this engine, oldest first, and those that wait in the order of their turns. */
    'jobs.list': {
      params: z.object({}),
      result: z.object({ jobs: z.array(jobSnapshot), waiting: z.array(z.string()) }),
    },
    'jobs.get': { params: z.object({ id: z.string() }), result: jobSnapshot },
    /** Cancels; answers when the job has ended. */
    'jobs.cancel': { params: z.object({ id: z.string() }), result: jobSnapshot },
    /** Stops a job, to go on later with what it finished; answers when it has stopped. */
    'jobs.pause': { params: z.object({ id: z.string() }), result: jobSnapshot },
    /** Takes up a job that was paused or cancelled, that failed, or whose engine died. */
    'jobs.resume': { params: z.object({ id: z.string() }), result: jobSnapshot },
    /** Puts a waiting job before another one, or (null) at the end. */
    'jobs.move': { params: z.object({ id: z.string(), before: z.string().nullable() }), result: z.object({}) },
    /** The newest lines of a run's log, oldest first. */
    'jobs.log': { params: z.object({ id: runId }), result: jobLog },
    /**
     * Runs that no engine works on and that can go on, newest first: paused ones and those whose Snug died. `endedToo`: behind
     * them those that failed or were cancelled and of which something may be kept still.
     */
    'history.unfinished': { params: z.object({ endedToo: z.boolean().default(false) }), result: unfinishedList },
    'history.list': { params: historyFilter, result: experimentList },
    'history.get': { params: z.object({ run: z.string() }), result: experimentDetail },
    'history.compare': { params: z.object({ runs: z.array(z.string()).min(2) }), result: comparison },
    /** The recipe of a run with other settings: dotted names as in `compare`, values as JSON or text. */
    'history.clone': {
      params: z.object({ run: z.string(), set: z.record(z.string(), z.string()).default({}) }),
      result: z.object({ recipe }),
    },
    'history.tag': {
      params: z.object({ run: z.string(), tag: z.string().trim().min(1), remove: z.boolean().default(false) }),
      result: experiment,
    },
    'history.note': { params: z.object({ run: z.string(), note: z.string() }), result: experiment },
    /** All tags in use. */
    'history.tags': { params: z.object({}), result: z.object({ tags: z.array(z.string()) }) },
    /** Deletes the files that a run made and that are still the same bytes, which large ones take a while to show; its record stays. */
    'history.deleteFiles': { params: z.object({ run: z.string() }), result: deletedFiles, progress },
    /** The models that the history knows: what runs worked on and what they made. */
    'models.list': { params: z.object({}), result: modelLibrary },
    /** Programs that run models, found by their documented places. */
    'runners.list': { params: z.object({}), result: runnerList },
    /** Places a model in a runner or a folder; nothing is left where it fails or is cancelled. */
    'runners.export': { params: exportRequest, result: exportResult, progress },
    /** Takes out what exports placed, as far as it is unchanged. */
    'runners.undo': { params: undoRequest, result: undoResult, progress },
    /** The original of a run and what it made answer a question; one at a time. Progress is both sides as they are. */
    'chat.ask': { params: askRequest, result: askResult, progress: asking },
  },
  events: {
    'jobs.added': jobSnapshot,
    'jobs.changed': z.object({ id: z.string(), event: jobEvent }),
    /** The jobs that wait, in their new order. */
    'jobs.ordered': z.object({ waiting: z.array(z.string()) }),
  },
});
export type EngineApi = typeof engineApi;
