import { row } from '../row.ts'

/** Measurements of reading that cannot be made. */
export const benchErrors = {
  BENCH_CONTENT_DIFFERS: row<{ path: string; image: string; other: string }>({
    status: 400,
    exit: 3,
    retry: 'never',
    text: (c) => `${c.path} is not the same in ${c.image} and in ${c.other}`,
    hint: 'Name an image and what was made of it; `accelctl check` compares them path by path.',
  }),
  BENCH_UNREADABLE: row<{ image: string; why: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.image} cannot be read lazily from its registry: ${c.why}`,
    hint: 'Name other images, or leave this one out.',
  }),
}
