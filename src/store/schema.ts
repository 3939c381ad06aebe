import type { SchemaPart } from '../database/database.ts'

/**
 * The tables of the content store. `content` says which files below `blobs/sha256` are whole; `layer` what stands for
 * a source layer, by the key of its conversion, and how it was used; `lease` who needs it; `result` what was made of
 * which image; `placement` in which repositories a blob was last seen; the one row of `content_total` what all content takes.
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
    `ALTER TABLE layer ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE layer ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE placement (
      blob TEXT NOT NULL,
      host TEXT NOT NULL,
      repository TEXT NOT NULL,
      seen INTEGER NOT NULL,
      PRIMARY KEY (blob, host, repository)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX placement_seen ON placement (seen);`,
    `CREATE TABLE content_total (bytes INTEGER NOT NULL) STRICT;
    INSERT INTO content_total SELECT coalesce(sum(size), 0) FROM content;
    CREATE TRIGGER content_added AFTER INSERT ON content
      BEGIN UPDATE content_total SET bytes = bytes + NEW.size; END;
    CREATE TRIGGER content_removed AFTER DELETE ON content
      BEGIN UPDATE content_total SET bytes = bytes - OLD.size; END;`,
  ],
}
