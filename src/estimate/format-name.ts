/** The formats that are estimated, as they are named on the command line. */
export const formatNames = ['estargz', 'zstdchunked', 'nydus', 'nydus-v5', 'oci_ref'] as const

export type FormatName = (typeof formatNames)[number]
