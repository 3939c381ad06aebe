import { hash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import { compareBytes } from './name-order.ts'

/** One extended attribute with its whole name, such as `user.mime_type`. */
export interface Xattr {
  name: Uint8Array
  value: Uint8Array
}

/**
 * Bytes of attributes that one tree may hold, names and values, equal sets counted once. Real images have a few
 * kilobytes; the limit bounds what a layer of a million files with a different ACL each would take.
 */
export const MAX_XATTR_BYTES = 256 * 1024 * 1024

/** The sets of extended attributes of a tree. Equal sets are one, so a file keeps a small number. Set 0 is empty. */
export class XattrSets {
  readonly #sets: (readonly Xattr[])[] = [[]]
  readonly #ids = new Map<string, number>()
  #bytes = 0

  /** Bytes of names and values kept. */
  get size(): number {
    return this.#bytes
  }

  /** Sets besides the empty one. */
  get count(): number {
    return this.#sets.length - 1
  }

  /**
   * The number of the set with these attributes, in whatever order they come; a name given twice keeps its last
   * value. Names and values are copied. Throws FORMAT_LIMIT_EXCEEDED past MAX_XATTR_BYTES; `what` names the layer.
   */
  add(xattrs: Iterable<Xattr>, what: string): number {
    const byName = new Map<string, Xattr>()
    for (const xattr of xattrs) byName.set(latin1(xattr.name), xattr)
    if (byName.size === 0) return 0
    const set = [...byName.values()].toSorted((a, b) => compareBytes(a.name, b.name))
    const text = set.map((x) => `${latin1(x.name)}\0${x.value.length}\0${latin1(x.value)}`).join('')
    const key = hash('sha256', text, 'base64')
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const bytes = set.reduce((sum, { name, value }) => sum + name.length + value.length, 0)
    if (this.#bytes + bytes > MAX_XATTR_BYTES) {
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what,
        format: 'file tree',
        limit: 'bytes of extended attributes',
        value: this.#bytes + bytes,
        max: MAX_XATTR_BYTES,
      })
    }
    this.#bytes += bytes
    const id = this.#sets.length
    // Not slice(): that of a Buffer shares its memory.
    this.#sets.push(
      set.map(({ name, value }) => ({ name: new Uint8Array(name), value: new Uint8Array(value) })),
    )
    this.#ids.set(key, id)
    return id
  }

  /** The attributes of a set, sorted by name bytes. */
  get(id: number): readonly Xattr[] {
    return this.#sets[id] as readonly Xattr[]
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
