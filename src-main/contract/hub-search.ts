// What a hub has: repositories that a search finds, and the models of one repository.
import { z } from 'zod';
import { bytes } from './units.ts';

/** `OWNER/NAME`; the address of the model is `hub:` and this. */
const repository = z.string().regex(/^[^/@:\s]+\/[^/@:\s]+$/);
/** Weights that Snug opens. */
const hubFormat = z.enum(['gguf', 'safetensors']);

export const hubRepository = z.object({
  repository,
  formats: z.array(hubFormat),
  /** In the last 30 days, as the hub counts them. */
  downloads: z.number().int(),
  likes: z.number().int(),
  /** Its owner asks to be asked first. */
  gated: z.boolean(),
  /** null where the hub does not say: of most GGUF repositories. */
  parameters: z.number().int().nullable(),
});
export type HubRepository = z.infer<typeof hubRepository>;

export const hubSearch = z.object({ words: z.string(), repositories: z.array(hubRepository) });
export type HubSearch = z.infer<typeof hubSearch>;

/** A model that a repository holds. */
export const hubChoice = z.object({
  /** Its address: hub:OWNER/NAME, or hub:OWNER/NAME:FILE where there are several. */
  model: z.string(),
  format: hubFormat,
  /** Of its first file; of safetensors the folder, '' for the whole repository. */
  file: z.string(),
  /** Of all its weights, shards included. */
  bytes,
  /** Files of weights. */
  files: z.number().int(),
});
export type HubChoice = z.infer<typeof hubChoice>;

export const hubChoices = z.object({ repository, choices: z.array(hubChoice) });

export const publishedModel = hubChoice.extend({
  repository,
  downloads: z.number().int(),
  gated: z.boolean(),
});
export type PublishedModel = z.infer<typeof publishedModel>;

/** Quantisations of a model that others published. */
export const publishedModels = z.object({
  /** Repositories that the model is, by what the hub says of it: itself, or what it was quantised from. */
  of: z.array(repository),
  /** Smallest first. */
  models: z.array(publishedModel),
});
export type PublishedModels = z.infer<typeof publishedModels>;

const offline = z.boolean().optional();
export const searchRequest = z.object({
  words: z.string().trim().min(1).max(200),
  /** Repositories at most. */
  limit: z.number().int().min(1).max(100).default(20),
  offline,
});
export const repositoryRequest = z.object({ repository, offline });
