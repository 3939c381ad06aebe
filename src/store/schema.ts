import type { SchemaPart } from '../database/database.ts'

/**
 * The tables of the content store. `content` says which files below `blobs/sha256` are whole; `layer` what stands for
 * a source layer, by the key of its conversion; `lease` who needs it; `result` what was made of which image.
 */
export const storeSchema: SchemaPart = {
  name: 'store',
  steps: [
    `CREATE TABLE content (
      digest TEXT PRIMARY KEY,
      size INTEGER NOT NULL,
      added INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE layer (
      key TEXT PRIMARY KEY,
      detail TEXT NOT NULL REFERENCES content (digest),
      blob TEXT REFERENCES content (digest)
    ) STRICT;
    CREATE INDEX layer_detail ON layer (detail);
    CREATE INDEX layer_blob ON layer (blob);
    CREATE TABLE lease (
      owner TEXT NOT NULL,
      layer TEXT NOT NULL REFERENCES layer (key) ON DELETE CASCADE,
      PRIMARY KEY (owner, layer)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX lease_layer ON lease (layer);
    CREATE TABLE result (
      source TEXT NOT NULL,
      recipe TEXT NOT NULL,
      repository TEXT NOT NULL,
      target TEXT NOT NULL,
      source_size INTEGER NOT NULL,
      target_size INTEGER NOT NULL,
      PRIMARY KEY (source, recipe, repository)
    ) STRICT;`,
  ],
}
