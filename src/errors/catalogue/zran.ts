import { row } from '../row.ts'

/** Gzip layers that are read where they are. */
export const zranErrors = {
  ZRAN_LAYER_UNSUITABLE: row<{ what: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what} cannot be read where it is: ${c.problem}`,
    hint: 'Convert the image without oci_ref, or push the layer again compressed with gzip.',
  }),
  ZRAN_UNAVAILABLE: row<{ node: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `the zlib of Node ${c.node} does not stop at deflate blocks, oci_ref needs that`,
    hint: 'Run Node 24, with which it is tested, or convert without oci_ref.',
  }),
}
