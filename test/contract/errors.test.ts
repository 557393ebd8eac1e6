import { describe, expect, it } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';

describe('an error that crosses processes', () => {
  it('is told as it is', () => {
    const details = { files: ['a', 'b'], process: { pid: 1, startTime: null }, log: 'x'.repeat(20_000) };
    expect(new AppError('DISK_FULL', 'no room', details).toShape()).toEqual({
      ...{ code: 'DISK_FULL', message: 'no room', details },
    });
  });

  it('quotes of a text of the size of a book both ends', () => {
    const path = `/begin${'x'.repeat(2 ** 20)}end`;
    const error = new AppError('FILE_NOT_FOUND', `Cannot open ${path}: check it.`, { path, files: [{ path }] });
    const shape = error.toShape();
    expect(shape.message).toMatch(/^Cannot open \/beginx+ \[…\d+ characters…\] x+end: check it\.$/);
    expect(shape.details['files']).toEqual([{ path: shape.details['path'] }]);
    expect(JSON.stringify(shape).length).toBeLessThan(2 ** 17);
  });

  it('is made of a path as long as a string can be', () => {
    const path = 'x'.repeat(2 ** 29 - 64);
    const thrown = Object.assign(new Error(path), { code: 'ENOENT', path });
    expect(AppError.from(thrown).toShape()).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
