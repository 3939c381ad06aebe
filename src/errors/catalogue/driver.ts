import { row } from '../row.ts'

/** Drivers, their options, and the threads on which they work. */
export const driverErrors = {
  DRIVER_UNKNOWN: row<{ name: string; known: string }>({
    status: 400,
    exit: 2,
    retry: 'never',
    text: (c) => `unsupported driver ${c.name}; there is ${c.known}`,
    hint: 'Set converter.driver.type to a driver of this version.',
  }),
  DRIVER_OPTION_INVALID: row<{ driver: string; key: string; problem: string }>({
    status: 400,
    exit: 2,
    retry: 'never',
    text: (c) => `converter.driver.config.${c.key} of the driver ${c.driver}: ${c.problem}`,
    hint: 'Correct the key or its value; docs/configuration.md lists the options of each driver.',
  }),
  DRIVER_ENTRY_REFUSED: row<{ what: string; path: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: ${JSON.stringify(c.path)} is refused: ${c.problem}`,
    hint: 'Build the image without this entry and push it again.',
  }),
  DRIVER_DICTIONARY_UNUSABLE: row<{ reference: string; problem: string }>({
    status: 400,
    exit: 2,
    retry: 'never',
    text: (c) => `the chunk dictionary ${c.reference} cannot be used: ${c.problem}`,
    hint: 'chunk_dict_ref must name a Nydus image that was made with the same fs_version, compressor and fs_chunk_size.',
  }),
  DRIVER_THREAD_DIED: row<{ what: string; cause: string }>({
    status: 500,
    exit: 1,
    retry: 'backoff',
    text: (c) => `${c.what}: the thread that worked on it died: ${c.cause}`,
    hint: 'Another thread has taken its place and the conversion is tried again; when it recurs, give the service more memory.',
  }),
}
