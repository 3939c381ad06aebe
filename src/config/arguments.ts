/** Options that Go's flag package, and so upstream, takes with one dash as well. */
const names = ['addr', 'config', 'sync', 'help', 'version']

/** `argv` with `-config` written as `--config`, as scripts for upstream may have it; other arguments are left alone. */
export function longOptions(argv: readonly string[]): string[] {
  const single = new RegExp(`^-(?:${names.join('|')})(?:=|$)`)
  return argv.map((argument) => (single.test(argument) ? `-${argument}` : argument))
}
