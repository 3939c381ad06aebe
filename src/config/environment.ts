/** The environment of the process; only the programs in `bin/` and this folder read it, all others are handed it. */
export const environment: Readonly<Record<string, string | undefined>> = process.env
