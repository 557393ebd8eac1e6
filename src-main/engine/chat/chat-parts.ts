// What a question needs of the engine.
import type { AppError } from '../../contract/errors.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Children } from '../children.ts';
import type { Providers } from '../devices/providers.ts';
import type { Folders } from '../folders.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { KnownPlans } from '../known-plans.ts';
import type { MachineService } from '../machine.ts';
import type { System } from '../system.ts';
import type { UserSettings } from '../user-settings.ts';

export interface ChatParts {
  /** The catalog, or why there is none. */
  opened: Catalog | AppError;
  folders: Folders;
  children: Children;
  providers: Providers;
  machine: MachineService;
  plans: KnownPlans;
  settings: UserSettings;
  system: System;
  queue: Pick<JobQueue, 'list'>;
}
