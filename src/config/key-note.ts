/** What `config check` says of a key that is written, or left out. */
export interface KeyNote {
  /** It is read and has no effect; why. */
  readonly dead?: string
  /** How it differs from earlier releases, where it is written. */
  readonly changed?: string
  /** How its default differs from theirs, where it is left out. */
  readonly changedDefault?: string
  /** What is dangerous about what is written, if anything. */
  danger?(written: string, facts: FileFacts): string | undefined
}

/** What `danger` may ask about files. */
export interface FileFacts {
  /** Whether users who do not own the file, nor are of its group, can read it; `''` is the configuration file. */
  openToAll(path: string): boolean
}

/** A secret that other users of the machine can read is none. */
export const secretNote: KeyNote = {
  danger(written, { openToAll }) {
    if (written.startsWith('env:')) return undefined
    if (written.startsWith('file:')) {
      const path = written.slice('file:'.length)
      return openToAll(path) ? `every user can read the secret in ${path}: chmod o-r` : undefined
    }
    return openToAll('')
      ? 'every user can read the secret in this file: chmod o-r, or write env:NAME or file:PATH'
      : undefined
  },
}

/** The same of a private key. */
export const privateKeyNote: KeyNote = {
  danger: (path, { openToAll }) =>
    openToAll(path) ? `every user can read the private key in ${path}: chmod o-r` : undefined,
}
