// What a slice is, in plain words: its size said as it is, its widths, what was lost.
import type { PerBlockSliceResult, SharedSliceResult, SliceResult, SlicingConfig } from '../../contract/results.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { invarianceFields } from './invariance.ts';
import { count, percent, plural } from './numbers.ts';
import { qualityFields, qualityVerdict, warningLines } from './quality.ts';
import type { Canvas } from './style.ts';
import { fields, type Field } from './table.ts';

export function describeSlice(result: SliceResult, { style }: Canvas): string[] {
  const types = Object.entries(result.tensorTypes).map(([type, tensors]) => `${type} × ${tensors}`);
  return [
    qualityVerdict(result, style),
    sizeVerdict(result),
    '',
    ...fields([
      ['written', `${result.output}, ${formatFileSize(result.fileBytes)}`],
      ['before', formatFileSize(result.sourceBytes)],
      ['width', result.method === 'shared' ? sharedWidth(result) : perBlockWidths(result)],
      ['type', `${result.type} (${types.join(', ')})`],
      ['parameters', parametersText(result)],
      ...calibrationFields(result),
      ...(result.invariance ? invarianceFields(result.invariance) : []),
      ...qualityFields(result),
      ...(result.method === 'per-block' ? [['runs in', runsIn(result)] satisfies Field] : []),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds)}, peak memory ${formatMemory(result.peakMemoryBytes)}`],
      ['sha256', result.sha256],
    ] satisfies Field[]),
    ...warningLines(result.warnings, style),
  ];
}

/** What slicing did to the size. */
function sizeVerdict(result: SliceResult): string {
  const { parametersBefore, parametersAfter, sparsity } = result;
  const change = parametersAfter / parametersBefore - 1;
  const cut = `Cutting ${percent(sparsity)} of the width makes this model`;
  if (change < 0) return `${cut} ${percent(-change)} smaller in parameters.`;
  return `${cut} bigger, by ${percent(change)} in parameters: ${whatIsAdded(result)}.`;
}

function whatIsAdded({ shortcutParameters, untiedParameters }: SliceResult): string {
  const shortcuts = 'its shortcut matrices take more than slicing saves';
  const head = 'its output layer was the embedding and now is a matrix of its own';
  if (shortcutParameters === 0) return head;
  return untiedParameters === 0 ? shortcuts : `${head}, and shortcut matrices come on top`;
}

function parametersText(result: SliceResult): string {
  const { parametersBefore, parametersAfter, untiedParameters, shortcutParameters } = result;
  const parts = [
    untiedParameters > 0 ? `${count(untiedParameters)} for an output layer of its own` : null,
    shortcutParameters > 0 ? `${count(shortcutParameters)} for shortcuts` : null,
  ].filter((part) => part !== null);
  const among = parts.length > 0 ? `, of them ${parts.join(' and ')}` : '';
  return `${count(parametersBefore)} → ${count(parametersAfter)}${among}`;
}

function sharedWidth({ widths, sparsity, energyLost, orientation }: SharedSliceResult): string {
  const kept = `${widths.head_dimension} of ${widths.hidden_size} (${percent(sparsity)} cut)`;
  return `${kept}${energyText(energyLost)}, ${orientation} orientation`;
}

const energyText = (energyLost: number | null): string =>
  energyLost === null ? '' : `, ${percent(energyLost)} of the signal's energy lost`;

/** The narrowest and the widest site that is cut. */
export function widthRange(widths: SlicingConfig): string {
  const { embedding_dimensions, attention_output_dimensions, mlp_output_dimensions } = widths;
  const sites = [embedding_dimensions, attention_output_dimensions, mlp_output_dimensions].flatMap((record) =>
    Object.values(record),
  );
  const cut = widths.do_slice_head ? sites : sites.slice(0, -1);
  const [narrowest, widest] = [Math.min(...cut), Math.max(...cut)];
  return narrowest === widest ? String(narrowest) : `${narrowest} to ${widest}`;
}

function perBlockWidths({ widths, sparsity, energyLost, retained, scheduler, ...result }: PerBlockSliceResult): string {
  const head = widths.do_slice_head ? ', output layer cut' : ', output layer whole';
  const kept = retained === null ? '' : `, every site keeps ${percent(retained)} of its variance`;
  const energy = energyLost === null ? '' : `, at most ${percent(energyLost)} of a site's energy lost`;
  const how = result.paperCompat ? ', as the released code' : '';
  return `${widthRange(widths)} of ${widths.hidden_size} (${percent(sparsity)} cut, ${scheduler})${head}${kept}${energy}, ${result.orientation} orientation${how}`;
}

function calibrationFields(result: SliceResult): Field[] {
  const { calibration } = result;
  if (!calibration) return [['calibration', 'none: cut again along the directions that it was sliced by']];
  const size = `${plural(calibration.samples, 'sample')}, ${plural(calibration.tokens, 'token')}`;
  const resumedAt = (layer: number | null): string => (layer === null ? '' : `, gone on with at layer ${layer}`);
  if (result.method === 'per-block')
    return [
      ['calibration', `${size}, ${result.signals} signals, ${result.precision}${resumedAt(result.resumedAtLayer)}`],
    ];
  const { calibrationReused, calibrationResumedAtLayer } = result;
  if (calibrationReused) return [['calibration', `${size}, kept from an earlier run`]];
  return [['calibration', `${size}${resumedAt(calibrationResumedAtLayer)}`]];
}

function runsIn({ output }: PerBlockSliceResult): string {
  return output.toLowerCase().endsWith('.onnx')
    ? 'onnxruntime, in any language (docs/onnx.md); llama.cpp has no place for shortcut matrices'
    : 'Snug (evaluate, generate, slice again); llama.cpp has no place for shortcut matrices';
}
