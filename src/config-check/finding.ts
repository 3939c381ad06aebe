/**
 * What is said of one key, from best to worst:
 *
 * used        it does what earlier releases did with it, or is new
 * changed     it, or its default, means something else than in earlier releases
 * dead        it is read and has no effect
 * unknown     there is no such key, or its value is doubtful
 * dangerous   it works, and opens a door
 * error       with it the file cannot be used
 */
export const states = ['used', 'changed', 'dead', 'unknown', 'dangerous', 'error'] as const
export type FindingState = (typeof states)[number]

/** One key of the file, or one that it leaves out (its line is then that of the section, or 0). */
export interface Finding {
  line: number
  path: string
  state: FindingState
  /** Empty where there is nothing to say. */
  note: string
}

/** What is said of a file. */
export interface ConfigReport {
  file: string
  /** `acceld` would start with it. */
  usable: boolean
  /** In the order of the file, then what is left out. */
  findings: Finding[]
}
