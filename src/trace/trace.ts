/** One read of a file, as a program did it or would do it. */
export interface FileRead {
  /** Clean (`formats/tar/path.ts`), as the program names it: symlinks are not yet followed. */
  path: string
  /** The part that is read, in bytes; absent: all of the file. It may reach behind the file's end. */
  range?: { offset: number; length: number }
}

/** Reads in the order in which they happen. */
export type Trace = readonly FileRead[]
