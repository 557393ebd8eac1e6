"""The rival's stages (decoder.py and methods.py, PyTorch in float32) on given token rows. Its calibration collects what
Snug's does: the summed Gram of all norm inputs and the sums of squares of every linear's input columns.
usage: rival-mean-squares.py RIVAL_FOLDER MODEL.gguf ROWS.json STAGE THREADS WIDTH
STAGE: calibrate | rotate | evaluate. Prints one JSON object: seconds of the stage alone (model and tokens are loaded)."""
import json, resource, sys, time
folder, model, rows, stage, threads, width = sys.argv[1:]
sys.path.insert(0, folder)
import torch
from decoder import F, attn_ctx, build, embed, evaluate, ffn_act, load, rms
from methods import bmap, gram, pca, rotate


def squares(x):
    return (x * x).sum((0, 1)).double()


def calibrate(n, ids):
    """methods.site_grams(n, ids, True) with squares. Those of q, k, v, gate and up are the diagonals of the Grams."""
    X = embed(n, ids); total = 0; sums = []
    def site():
        nonlocal total
        g = gram(rms(X, n)); total = total + g; sums.append(g.diagonal().clone())
    for l in n['L']:
        before_o = []; before_down = []
        def attention(z):
            a = attn_ctx(rms(z, n), l, n['c']); before_o.append(squares(a)); return z + F.linear(a, l['o'], l['bo'])
        def mlp(z):
            a = ffn_act(rms(z, n), l); before_down.append(squares(a)); return z + F.linear(a, l['w'], l['bw'])
        site(); X = bmap(attention, X); sums.append(sum(before_o))
        site(); X = bmap(mlp, X); sums.append(sum(before_down))
    site()
    return total, sums


torch.set_num_threads(int(threads))
configuration, weights, _ = load(model)
net = build(configuration, weights)
del weights
ids = torch.tensor(json.load(open(rows))['input_ids'])
start, cpu = time.time(), time.process_time()
if stage == 'evaluate':
    result = [evaluate(net, ids)[0]]
else:
    C, sums = calibrate(net, ids)
    if stage == 'rotate':
        rotated = rotate(net, pca(C), int(width))
    # All of C, and the last down projection's input: right only if everything before it is.
    result = [C.sum().item(), sums[-2].sum().item()]
seconds, cpu_seconds = time.time() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(dict(result=result, seconds=seconds, cpuSeconds=cpu_seconds, peakMemoryBytes=peak)))
