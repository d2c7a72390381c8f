package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// folder is a log as static files, laid out as c2sp.org/tlog-tiles says.
type folder string

func (f folder) Height() int                         { return height }
func (f folder) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		read, err := os.ReadFile(f.file(tile))
		if err != nil {
			return nil, err
		}
		data = append(data, read)
	}
	return data, nil
}

// file names a tile's file. golang.org/x/mod puts the height before the level and calls the entries
// data; C2SP has one height, and calls them entries.
func (f folder) file(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if rest, ok := strings.CutPrefix(path, "data/"); ok {
		path = "entries/" + rest
	}
	return filepath.Join(string(f), "tile", filepath.FromSlash(path))
}

func (f folder) entries(tile tlog.Tile) ([][]byte, error) {
	tile.L = -1
	read, err := os.ReadFile(f.file(tile))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(read) > 0 {
		if len(read) < 2 || len(read)-2 < int(binary.BigEndian.Uint16(read)) {
			return nil, errors.New("a bundle is cut short")
		}
		end := 2 + int(binary.BigEndian.Uint16(read))
		entries = append(entries, read[2:end])
		read = read[end:]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("a bundle of %d entries holds %d", tile.W, len(entries))
	}
	return entries, nil
}

// checkFolder verifies the head, every tile under it, and every entry under its leaf. An entry that
// is empty was withheld, its leaf stays.
func checkFolder(arguments []string) error {
	log := folder(arguments[0])
	tree, err := head(filepath.Join(arguments[0], "checkpoint"), arguments[1], arguments[2])
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, log)
	tiles := tlog.NewTiles(height, 0, tree.N)
	withheld := 0
	for _, tile := range tiles {
		proven, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return err
		}
		shown, err := os.ReadFile(log.file(tile))
		if err != nil {
			return err
		}
		if !bytes.Equal(shown, proven) {
			return fmt.Errorf("%s is not in the tree", tile.Path())
		}
		if tile.L > 0 {
			continue
		}
		entries, err := log.entries(tile)
		if err != nil {
			return err
		}
		for place, entry := range entries {
			leaf := tlog.RecordHash(entry)
			if len(entry) == 0 {
				withheld++
			} else if !bytes.Equal(leaf[:], proven[place*tlog.HashSize:][:tlog.HashSize]) {
				return fmt.Errorf("entry %d is not in the tree", tile.N*width+int64(place))
			}
		}
	}
	fmt.Println("size", tree.N)
	fmt.Println("tiles", len(tiles))
	fmt.Println("withheld", withheld)
	return nil
}

// makePaths prints the hashes that prove an entry, and the growth since an earlier size, from tiles.
func makePaths(arguments []string) error {
	tree, err := head(filepath.Join(arguments[0], "checkpoint"), arguments[1], arguments[2])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(arguments[3], 10, 64)
	if err != nil {
		return err
	}
	old, err := strconv.ParseInt(arguments[4], 10, 64)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, folder(arguments[0]))
	record, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	growth, err := tlog.ProveTree(tree.N, old, hashes)
	if err != nil {
		return err
	}
	for _, hash := range record {
		fmt.Println("inclusion", hash)
	}
	for _, hash := range growth {
		fmt.Println("consistency", hash)
	}
	return nil
}
