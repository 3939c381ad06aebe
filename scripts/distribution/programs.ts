import { build, type Plugin } from 'esbuild'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, posix, relative } from 'node:path'
import { isTest, root, type SourceFile, sourceFiles } from '../source-tree.ts'

/** What is loaded by name: the programs, what `exports` of package.json names, and what every thread runs. */
const ENTRIES = [
  'bin/acceld.ts',
  'bin/accelctl.ts',
  'index.ts',
  'driver.ts',
  'driver-testing.ts',
  'threads/entry.ts',
]

/** How a module names another one that a thread is to load. */
const threadModule = /\bmoduleBeside\(import\.meta\.url, '([^']+)'\)/g

/** Stands for the way from a file that is written to the folder of all. */
const FOLDER = '__FOLDER__'

/**
 * Writes the JavaScript of `src/` into `folder`: an entry has the path that its source has, and what entries share
 * lies in `chunks/`. A program then loads a few files instead of some hundred, in each of its threads. Packages stay
 * packages. Nothing is made shorter: a stack trace names the functions of the sources, and the files say where each
 * part comes from.
 */
export async function buildPrograms(folder: string): Promise<void> {
  const src = join(root, 'src')
  const threads = sourceFiles()
    .filter(({ path }) => !isTest(path))
    .flatMap(threadModulesOf)
  const { outputFiles } = await build({
    entryPoints: [...new Set([...ENTRIES, ...threads])].map((path) => join(src, path)),
    outbase: src,
    outdir: folder,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    packages: 'external',
    plugins: [ownUrls(src)],
    write: false,
    logLevel: 'warning',
  })
  for (const { path, text } of outputFiles) {
    const up = posix.join(relative(dirname(path), folder), '.')
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text.replaceAll(FOLDER, up))
  }
}

/** The modules that a source has threads load, from `src/`. */
function threadModulesOf({ path, text }: SourceFile): string[] {
  return [...text.matchAll(threadModule)].map(
    ([, name = '']) => `${posix.join(posix.dirname(path), name)}.ts`,
  )
}

/** Sources find files by where they are themselves: in a bundle, by where they would be. */
function ownUrls(src: string): Plugin {
  return {
    name: 'own-urls',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8')
        if (/import\.meta\.(?!url)/.test(text)) {
          throw new Error(`${path}: of import.meta only its url is known in a bundle`)
        }
        const place = `${FOLDER}/${relative(src, path).replace(/\.ts$/, '.js')}`
        const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`
        return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' }
      })
    },
  }
}
