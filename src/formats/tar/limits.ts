/** What one tar may ask of its reader; every limit is compared before memory is taken. */
export interface TarLimits {
  /**
   * Bytes of one extension header (PAX `x` and `g`, GNU `L` and `K`), and of all global records together.
   * @default 1 MiB: Go's archive/tar refuses longer ones, so containerd and docker could not unpack the layer.
   */
  extensionHeader: number
  /**
   * Bytes of all header blocks of one entry, extension headers and sparse headers included.
   * @default 8 MiB: room for one extension header of each kind and the largest sparse map of the old GNU format.
   */
  header: number
  /**
   * Bytes of a name or link target.
   * @default 65,535: sixteen times what Linux takes in one call; no image that can be unpacked comes near.
   */
  name: number
  /**
   * Bytes of the names and values of one entry's extended attributes.
   * @default 512 KiB: Linux lists at most 64 KiB of names and takes at most 64 KiB a value; real files have a few hundred bytes.
   */
  xattrs: number
  /**
   * Extents of one sparse file.
   * @default 131,072: more than a 1 MiB map in the text form of PAX 1.0 can name in practice, 2 MiB of memory.
   */
  sparseExtents: number
  /**
   * Bytes of zeros delivered for holes, over the whole tar: a hole costs nothing to declare.
   * @default 256 GiB, as for the uncompressed size of a layer.
   */
  holes: number
}

export const TAR_LIMITS: Readonly<TarLimits> = {
  extensionHeader: 1024 * 1024,
  header: 8 * 1024 * 1024,
  name: 65_535,
  xattrs: 512 * 1024,
  sparseExtents: 131_072,
  holes: 256 * 1024 ** 3,
}
