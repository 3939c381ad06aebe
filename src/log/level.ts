/** Levels by weight, in the words of the log lines. */
export const levels = ['debug', 'info', 'warning', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]
