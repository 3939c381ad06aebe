import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as erofs from '../../src/formats/erofs/layout.ts'
import * as estargz from '../../src/formats/estargz/layout.ts'
import * as blob from '../../src/formats/nydus-blob/layout.ts'
import * as v5 from '../../src/formats/rafs-v5/layout.ts'
import * as v6 from '../../src/formats/rafs-v6/layout.ts'
import * as zstdChunked from '../../src/formats/zstd-chunked/layout.ts'
import { root } from '../source-tree.ts'
import type { Page } from './page.ts'

/** The records that pages may show, by the name of their table in the code. */
const records = new Map<string, string>(
  [erofs, blob, estargz, v5, v6, zstdChunked].flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) =>
      typeof value === 'object' && 'markdown' in value ? [[name, value.markdown()] as const] : [],
    ),
  ),
)

const begin = /<!-- table (\w+) -->\n[^]*?<!-- end -->/g

/** A page written by hand whose byte tables are those of the code: between `<!-- table Name -->` and `<!-- end -->`. */
function formatPage(path: string): Page {
  return {
    path,
    render: () =>
      readFileSync(join(root, path), 'utf8').replace(begin, (_, name: string) => {
        const table = records.get(name)
        if (table === undefined)
          throw new Error(`${path} asks for the table ${name}, which does not exist`)
        return `<!-- table ${name} -->\n${table}\n<!-- end -->`
      }),
  }
}

export const formatPages = [
  'docs/formats/rafs-v6.md',
  'docs/formats/rafs-v5.md',
  'docs/formats/nydus-blob.md',
  'docs/formats/zran.md',
  'docs/formats/zstd-chunked.md',
  'docs/formats/estargz.md',
].map(formatPage)
