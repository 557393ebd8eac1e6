// Whose GPU driver a process has loaded. WebGPU chooses an adapter and onnxruntime does not tell which; the libraries that the
// choice brought into the process do, where they are of one maker.
import process from 'node:process';

interface Driver {
  name: string;
  isSoftware: boolean;
  /** File names of its libraries: Vulkan's, Direct3D's, Metal's. */
  files: RegExp;
}

const drivers: readonly Driver[] = [
  { name: 'SwiftShader', isSoftware: true, files: /vk_swiftshader/i },
  { name: 'llvmpipe', isSoftware: true, files: /vulkan_lvp/i },
  { name: 'Microsoft Basic Render (WARP)', isSoftware: true, files: /d3d10warp/i },
  { name: 'NVIDIA', isSoftware: false, files: /GLX_nvidia|nvidia-vulkan|nvoglv|nvwgf2um|vulkan_nouveau/i },
  { name: 'AMD', isSoftware: false, files: /vulkan_radeon|amdvlk|amdxc|atidxx|amdxx/i },
  { name: 'Intel', isSoftware: false, files: /vulkan_intel|igd\w*um|igxelp/i },
  { name: 'Apple', isSoftware: false, files: /AGXMetal/i },
];

export interface Adapter {
  /** null where no driver is known, or several are loaded. */
  name: string | null;
  /** Nothing but a processor that plays a GPU can have answered. */
  isSoftware: boolean;
}

/** Tells from the names of a process's libraries. */
export function adapterOf(libraries: readonly string[]): Adapter {
  const loaded = drivers.filter(({ files }) => libraries.some((library) => files.test(library)));
  return {
    name: loaded.length === 1 ? loaded[0]!.name : null,
    isSoftware: loaded.length > 0 && loaded.every(({ isSoftware }) => isSoftware),
  };
}

/** Libraries of this process, by path. */
export function loadedLibraries(): string[] {
  // Looking up its own addresses would take seconds; the types of Node 24 lack it.
  Object.assign(process.report, { excludeNetwork: true });
  const { sharedObjects } = process.report.getReport() as { sharedObjects?: string[] };
  return sharedObjects ?? [];
}
