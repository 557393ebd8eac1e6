// The engine as the page sees it: starting, ready or stopped. Everything that calls the engine asks here for the client.
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { DeviceList } from '../../src-main/contract/devices.ts';
import type { EngineApi } from '../../src-main/contract/engine-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import type { EngineExit } from '../../src-main/contract/window-app.ts';
import type { Client } from '../../src-main/rpc/client.ts';
import type { EngineConnection } from '../engine/connection.ts';
import { useJobsStore } from './jobs-store.ts';

export type EngineStatus =
  | { state: 'starting' }
  | { state: 'ready'; client: Client<EngineApi> }
  | { state: 'stopped'; exit: EngineExit };

export const useEngineStore = defineStore('engine', () => {
  const status = shallowRef<EngineStatus>({ state: 'starting' });
  const devices = shallowRef<DeviceList | null>(null);

  /** Starts an engine and follows it until it ends; resolves when it is ready or has failed to start. */
  async function start(open: () => Promise<EngineConnection>): Promise<void> {
    status.value = { state: 'starting' };
    devices.value = null;
    const connection = await open().catch((error: unknown) => AppError.from(error));
    if (connection instanceof AppError) return stop(connection.message);
    const { client, ended } = connection;
    void ended.then((exit) => {
      status.value = { state: 'stopped', exit };
    });
    try {
      await useJobsStore().follow(client);
    } catch (error) {
      await tellStopped(error, ended);
      return;
    }
    status.value = { state: 'ready', client };
    void findDevices(client);
  }

  /** A first answer that never came: the exit says more than the failed request, so it goes first. */
  async function tellStopped(error: unknown, ended: Promise<EngineExit>): Promise<void> {
    const { code, message } = AppError.from(error);
    if (code === 'WORKER_CRASHED') await ended;
    else stop(message);
  }

  function stop(reason: string): void {
    status.value = { state: 'stopped', exit: { reason, advice: null, log: '' } };
  }

  async function findDevices(client: Client<EngineApi>): Promise<void> {
    // A machine without any usable device is normal; a card can always be typed.
    const nothing = {
      devices: [],
      llama: null,
      onnxProviders: [],
      providers: [],
      provider: null,
      gpus: [],
      missing: [],
    };
    devices.value = await client.call.devices({ probe: false }).catch(() => nothing);
  }

  /** The connected client. @throws WORKER_CRASHED when the engine is not running */
  function connected(): Client<EngineApi> {
    if (status.value.state !== 'ready') throw new AppError('WORKER_CRASHED', 'The engine is not running.');
    return status.value.client;
  }

  return { status, devices, start, connected };
});
