// Secrets of the user, each a file in the window's folder that only the system's key opens (Electron's safeStorage: Keychain,
// DPAPI, GNOME Keyring or KWallet). The page can give a secret, ask whether there is one, and have it dropped; it never gets one.
// Electron 46 has asynchronous functions only; the Electron that the tests run in has none of those.
/* eslint-disable @typescript-eslint/no-deprecated */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { app, safeStorage } from 'electron';
import { AppError } from '../contract/errors.ts';
import type { SecretName } from '../contract/window-app.ts';
import { words } from './words.ts';

const fileOf = (name: SecretName): string => path.join(app.getPath('userData'), `${name}.secret`);

/** Why secrets cannot be kept here, or null. Needs a ready app. */
export function secretsObstacle(): string | null {
  // Without a key store Linux encrypts with a password that is in Electron's source:
  // https://www.electronjs.org/docs/latest/api/safe-storage
  const isHollow = process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text';
  return isHollow || !safeStorage.isEncryptionAvailable() ? words().noKeyStore : null;
}

/** Keeps a secret, in place of the one before. @throws NOT_WRITABLE where this system cannot keep one */
export function setSecret(name: SecretName, value: string): void {
  const obstacle = secretsObstacle();
  if (obstacle !== null) throw new AppError('NOT_WRITABLE', obstacle);
  const part = `${fileOf(name)}.${process.pid}.part`;
  writeFileSync(part, safeStorage.encryptString(value), { mode: 0o600 });
  renameSync(part, fileOf(name));
}

/** The secret; null where none is kept, or where the key that opens it is not this user's any more. */
export function readSecret(name: SecretName): string | null {
  try {
    return safeStorage.decryptString(readFileSync(fileOf(name)));
  } catch {
    return null;
  }
}

export function clearSecret(name: SecretName): void {
  rmSync(fileOf(name), { force: true });
}
