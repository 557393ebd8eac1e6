// Cuts a model that was sliced block by block to narrower widths.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openOnnxSlice } from '../../core/export/onnx/open-onnx-slice.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import { countShortcuts } from '../../core/slicing/per-block/count-parameters.ts';
import { narrowSliced as narrow } from '../../core/slicing/per-block/narrow-sliced.ts';
import { saveSliced } from '../../core/slicing/per-block/save-sliced.ts';
import { siteLayout } from '../../core/slicing/per-block/site-widths.ts';
import { openSlicedFolder } from '../../core/slicing/per-block/sliced-folder.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const narrowSliced: HandlersOf<WorkerApi>['narrowSliced'] = async (params, { signal }) => {
  const { source, widths, output: folder, type, force, tokenizerFrom } = params;
  const wide = await (isOnnxFile(source) ? openOnnxSlice(source) : openSlicedFolder(source));
  try {
    const decoder = narrow(wide, widths);
    const made = await saveSliced({ decoder, folder, type, force, tokenizerFrom, signal });
    return {
      ...made,
      parametersBefore: wide.model.parameters,
      parametersAfter: decoder.model.parameters,
      untiedParameters: 0,
      shortcutParameters: countShortcuts(siteLayout(decoder), widths),
      peakMemoryBytes: peakMemoryBytes(),
    };
  } finally {
    await wide.model.close();
  }
};
