// Words of a command as a user can paste them into a terminal.

const plain = /^[A-Za-z0-9_\-./:=,+@%]+$/;
const plainOnWindows = /^[A-Za-z0-9_\-./\\:=+]+$/;

/**
 * A command line for the platform's shell: POSIX single quotes, within which nothing is special; on Windows double quotes,
 * which cmd and PowerShell share and which no file name there contains, and PowerShell's single quotes for names with `$`
 * or a backtick (learn.microsoft.com/powershell, about_Quoting_Rules).
 */
export function commandLine(words: readonly string[], platform: NodeJS.Platform): string {
  return words.map((word) => (platform === 'win32' ? quotedOnWindows(word) : quoted(word))).join(' ');
}

const quoted = (word: string): string => (plain.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`);

function quotedOnWindows(word: string): string {
  if (plainOnWindows.test(word)) return word;
  return /[$`]/.test(word) ? `'${word.replaceAll("'", "''")}'` : `"${word}"`;
}
