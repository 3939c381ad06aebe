import type { ImageFile } from '../trace/image-files.ts'

/** What is at a path of an image that a reader has opened. */
export interface OpenedFile extends ImageFile {
  /** ContentHash of the file, where a layer that was pulled as a whole has it: then nothing is left to read. */
  content?: Uint8Array
}

/** What is known of an image once it is open. */
export interface ImageFacts {
  format: 'ordinary' | 'estargz' | 'zstd-chunked' | 'nydus-v5' | 'nydus-v6' | 'nydus-ref'
  /** The programs that are followed. */
  reader: string
  /** Bytes of all its layers, as stored. */
  size: number
  /** What a user should know of what was not followed. */
  notes: readonly string[]
}

/** Of readers that fetch what nobody asked for, by the configuration that they come with. */
export const IN_BACKGROUND = 'its reader also fetches the rest in the background: not replayed'

/** An image as one of its readers has it open: names are known, content comes as it is read. Paths are clean. */
export interface OpenedImage {
  readonly facts: ImageFacts
  /** What is at a path, symlinks not followed; undefined where nothing is. */
  entry(path: string): OpenedFile | undefined
  /** Paths of what lies in a directory. */
  children(path: string): string[]
  /** Fetches what the image wants to have there before a program reads. */
  prefetch(): Promise<void>
  /**
   * The bytes of a part of a file, within its size, in order and verified, a chunk at a time, valid until the next. What is lacking is asked
   * for as the reader would. Throws REGISTRY_…, CONTENT_…, FORMAT_….
   */
  read(path: string, offset: number, length: number): AsyncGenerator<Uint8Array>
}

/** All of a part of a file, for small ones. */
export async function readPart(
  image: OpenedImage,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of image.read(path, offset, length)) pieces.push(piece.slice())
  return Buffer.concat(pieces)
}
