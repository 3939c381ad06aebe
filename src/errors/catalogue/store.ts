import { row } from '../row.ts'

/** The local work directory. */
export const storeErrors = {
  STORE_FULL: row<{ path: string }>({
    status: 507,
    exit: 1,
    retry: 'other-worker',
    text: (c) => `no space left on the device of ${c.path}`,
    hint: 'Free space there or set provider.work_dir to a larger disk; a conversion needs about the compressed size of the image.',
  }),
  STORE_UNUSABLE: row<{ path: string; problem: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `the work directory ${c.path} cannot be used: ${c.problem}`,
    hint: 'provider.work_dir must name a directory that exists or can be made, and in which this user may write.',
  }),
  STORE_DAMAGED: row<{ path: string; problem: string }>({
    status: 503,
    exit: 1,
    retry: 'never',
    text: (c) => `the database ${c.path} is damaged: ${c.problem}`,
    hint: 'acceld moves the file aside when it starts and no other process works with the folder, and takes over the tasks that can be read. Without a daemon, move accel.db, accel.db-wal and accel.db-shm away.',
  }),
  STORE_TOO_SMALL: row<{ path: string; needed: number; size: number }>({
    status: 507,
    exit: 1,
    retry: 'never',
    text: (c) => `the image may need ${c.needed} bytes in ${c.path}, the disk has ${c.size}`,
    hint: 'Set provider.work_dir to a larger disk; about one and a half times the compressed size of the image is reserved.',
  }),
  STORE_LOCKED: row<{ path: string }>({
    status: 503,
    exit: 1,
    retry: 'never',
    text: (c) => `another acceld works with ${c.path}`,
    hint: 'Only one daemon may use a work directory at a time: stop the other one, or set another provider.work_dir.',
  }),
}
