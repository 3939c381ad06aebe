/** The sources of `src/` and what they import, read by pattern: enough for code that the formatter has laid out. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

/** The repository's folder. */
export const root = join(import.meta.dirname, '..')

/** One source file. `path` is from `src/`, with `/` between its parts. */
export interface SourceFile {
  path: string
  text: string
}

/** An import of a file: `target` is a path from `src/` for one of ours, otherwise the package or module as written. */
export interface Import {
  target: string
  own: boolean
}

const staticImport = /^[ \t]*(?:import|export)\b[^'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm
const bareImport = /^[ \t]*import\s*['"]([^'"]+)['"]/gm
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]/g

/** Every `.ts` and `.tsx` file below `src/`, tests included, sorted by path. */
export function sourceFiles(): SourceFile[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.tsx?$/.test(path))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, 'src', path), 'utf8') }))
}

/** What `file` imports, types too, each target once. */
export function importsOf(file: SourceFile): Import[] {
  const written = [staticImport, bareImport, dynamicImport].flatMap((pattern) =>
    [...file.text.matchAll(pattern)].map((match) => match[1] ?? ''),
  )
  return [...new Set(written)].map((specifier) =>
    specifier.startsWith('.')
      ? { target: posix.join(dirname(file.path), specifier), own: true }
      : { target: specifier, own: false },
  )
}

/** The folder a path of `src/` is in, or the file's own name where it lies at the top. */
export function folderOf(path: string): string {
  return path.split('/')[0] ?? path
}

/** Whether a file is a test. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}
