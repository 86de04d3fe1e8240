// Loaded into Azurite before anything else (node --require), so that a kill at any moment loses
// nothing that was acknowledged. Azurite keeps its index (LokiJS) in memory and saves it whole every
// five seconds; here each change also goes to a journal at once: written, not synced, which a killed
// process survives. A save starts a new journal and, once on disk, removes the ones it covers.
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const Loki = lokijs();
const journals = new WeakMap(); // by collection

function lokijs() {
  try {
    return createRequire(fs.realpathSync(process.argv[1]))('lokijs');
  } catch {
    console.error('This Azurite has no LokiJS: if it is killed, the last 5 s are lost.');
    class Collection {}
    return Object.assign(class {}, { Collection });
  }
}

class Journal {
  constructor(file) {
    this.stem = `${file}.journal.`;
    this.number = Math.max(0, ...this.files().map(([number]) => number));
    this.open();
  }

  // [number, path], oldest first
  files() {
    const folder = path.dirname(this.stem);
    const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
    return names
      .filter((name) => name.startsWith(path.basename(this.stem)))
      .map((name) => [Number(name.slice(name.lastIndexOf('.') + 1)), path.join(folder, name)])
      .sort(([one], [other]) => one - other);
  }

  open() {
    this.number += 1;
    this.descriptor = fs.openSync(this.stem + this.number, 'a');
  }

  write(collection, id, doc) {
    fs.writeSync(this.descriptor, JSON.stringify([collection, id, doc]) + '\n');
  }

  // Start a new one; returns what removes all up to now.
  turn() {
    const last = this.number;
    fs.closeSync(this.descriptor);
    this.open();
    return () => this.files().filter(([number]) => number <= last).forEach(([, file]) => fs.rmSync(file));
  }

  // What became of each document last; a line cut off by the kill was never acknowledged.
  read() {
    const last = new Map();
    for (const line of this.files().flatMap(([, file]) => fs.readFileSync(file, 'utf8').split('\n'))) {
      try {
        const [collection, id, doc] = JSON.parse(line);
        last.set(`${collection} ${id}`, { collection, id, doc });
      } catch {
        continue;
      }
    }
    return [...last.values()].sort((one, other) => one.id - other.id);
  }
}

function replay(db) {
  for (const { collection: name, id, doc } of db.journal.read()) {
    const collection = db.getCollection(name);
    if (!collection) continue;
    const known = collection.get(id);
    if (!doc) {
      if (known) collection.remove(known);
    } else if (known) {
      collection.update(doc);
    } else {
      // An id not in the saved index is newer than all in it, so the order by id holds.
      collection.maxId = id - 1;
      delete doc.$loki;
      collection.insertOne(doc);
    }
  }
}

function wrap(owner, name, around) {
  const original = owner[name];
  owner[name] = function (...values) {
    return around.call(this, original.bind(this), ...values);
  };
}

function note(collection, id, doc) {
  journals.get(collection)?.write(collection.name, id, doc);
}

function adopt(db) {
  if (!db.journal) {
    // Not enumerable: the index is saved by walking the object.
    Object.defineProperty(db, 'journal', { value: new Journal(db.filename), enumerable: false });
  }
  db.collections.forEach((collection) => journals.set(collection, db.journal));
}

wrap(Loki.prototype, 'loadDatabaseInternal', function (original, options, done) {
  original(options, (error) => {
    if (!error) {
      adopt(this);
      replay(this);
    }
    done(error);
  });
});
wrap(Loki.prototype, 'addCollection', function (original, ...values) {
  const collection = original(...values);
  adopt(this);
  return collection;
});
wrap(Loki.prototype, 'saveDatabaseInternal', function (original, done) {
  adopt(this);
  const forget = this.journal.turn();
  original((error) => {
    if (!error) forget();
    if (done) done(error);
  });
});
wrap(Loki.Collection.prototype, 'insertOne', function (original, ...values) {
  const doc = original(...values);
  if (doc) note(this, doc.$loki, doc);
  return doc;
});
wrap(Loki.Collection.prototype, 'update', function (original, doc) {
  const updated = original(doc);
  if (!Array.isArray(doc)) note(this, doc.$loki, doc);
  return updated;
});
wrap(Loki.Collection.prototype, 'remove', function (original, doc) {
  if (!Array.isArray(doc)) note(this, typeof doc === 'number' ? doc : doc.$loki, null);
  return original(doc);
});
wrap(Loki.Collection.prototype, 'removeBatchByPositions', function (original, positions) {
  positions.forEach((position) => note(this, this.data[position].$loki, null));
  return original(positions);
});
