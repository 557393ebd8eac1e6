// Adds up what .ci/run left in a folder: NAME.status is the exit status of a step, NAME.json vitest's report where it is a suite.
// A suite that ended badly without a failed test in its report (a crash, a file that does not load) counts as one failure.
// What failed is told again here, since whoever reads a long run reads its end.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [folder] = process.argv.slice(2);

function readCounts(name, succeeded) {
  const report = path.join(folder, `${name}.json`);
  if (!existsSync(report)) return { passed: Number(succeeded), failed: Number(!succeeded), skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = numFailedTests + brokenFiles.length;
  return {
    passed: numPassedTests,
    failed: failed === 0 && !succeeded ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  };
}

/** Each failure of a suite: where, which test, and the first lines of why. */
function failuresOf(name) {
  const report = path.join(folder, `${name}.json`);
  if (!existsSync(report)) return [];
  return JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(
    ({ name: file, status, message, assertionResults }) => {
      const failed = assertionResults.filter((result) => result.status === 'failed');
      const broken = status === 'failed' && failed.length === 0;
      return [
        ...(broken ? [{ test: 'the file itself', why: message }] : []),
        ...failed.map(({ fullName, failureMessages }) => ({ test: fullName, why: failureMessages.join('\n') })),
      ].map(({ test, why }) => `${path.relative('.', file)}: ${test}\n${firstLines(why)}`);
    },
  );
}

function firstLines(text) {
  return text
    .split('\n')
    .slice(0, 15)
    .map((line) => `    ${line}`)
    .join('\n');
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of readdirSync(folder).filter((entry) => entry.endsWith('.status'))) {
  const name = path.basename(file, '.status');
  for (const failure of failuresOf(name)) console.log(`${name} FAILED ${failure}`);
  const counts = readCounts(name, readFileSync(path.join(folder, file), 'utf8') === '0');
  console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  for (const key of Object.keys(total)) total[key] += counts[key];
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
