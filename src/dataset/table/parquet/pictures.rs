//! Image files that are values of a column: bytes, or Hugging Face's struct of `bytes` and `path`.
//!
//! Only the columns that name and label them are read when a table is opened. An image is read when it is asked for, with its neighbours,
//! which are asked for next.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};

use super::column::Values;
use super::{Builder, Labelling, check_compression, check_label_type};
use crate::dataset::DatasetError;
use crate::dataset::items::Labels;
use crate::dataset::table::{Columns, Role, Spec};
use crate::guard::guard;

/// Columns that may hold images; the first that does is read.
const IMAGES: [&str; 8] = [
    "image",
    "img",
    "jpg",
    "jpeg",
    "png",
    "webp",
    "bytes",
    "image_bytes",
];

/// Columns that may name an image; the first that there is does.
const IDS: [&str; 5] = ["uuid", "image_id", "id", "key", "__key__"];

/// The same, of names that are unique in their table alone.
const PATHS: [&str; 2] = ["file_name", "path"];

/// Bytes of images that are read at once, about.
const WINDOW: u64 = 8 << 20;

/// Rows that are read at once, at most.
const WINDOW_ROWS: u64 = 1024;

/// Windows that are kept: the threads that read are rarely further apart.
const KEPT: usize = 6;

/// A column of images.
#[derive(Debug)]
pub(in crate::dataset) struct PictureColumn {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The leaf of the bytes.
    leaf: usize,
    groups: Vec<Group>,
    recent: Mutex<VecDeque<Kept>>,
}

/// A row group.
#[derive(Debug, Clone, Copy)]
struct Group {
    first: u64,
    rows: u64,
    /// Rows of a window.
    window: u64,
}

/// Rows of a group that are read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    group: usize,
    /// In its group.
    first: u64,
    rows: u64,
}

/// What a window holds, once it is read.
type Content = OnceLock<Result<Vec<Option<Box<[u8]>>>, String>>;

#[derive(Debug)]
struct Kept {
    window: Window,
    content: Arc<Content>,
}

/// A table of images.
pub(in crate::dataset) struct PictureTable {
    pub column: Arc<PictureColumn>,
    /// The names of its columns in their order.
    pub columns: Vec<String>,
    /// Of the images.
    root: usize,
    naming: Naming,
    labelled: Vec<usize>,
}

/// Takes a row: its name, where it has one, and its labels.
pub(in crate::dataset) type TakePicture<'a> = dyn FnMut(Option<String>, &Labels) + 'a;

/// Whether a column of the table holds images. What cannot be read holds none, which is told by who reads it.
pub(in crate::dataset) fn has_pictures(path: &Path) -> bool {
    let found = guard(|| {
        let builder = super::open(path).ok()?;
        image_leaf(&builder)
    });
    found.flatten().is_some()
}

impl PictureTable {
    /// # Errors
    /// What is wrong with the table.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        guarded(path, || Self::find(path))?
    }

    /// Whether names are ids, which tell images of several tables apart.
    pub fn has_ids(&self) -> bool {
        matches!(self.naming, Naming::Id(_))
    }

    pub fn is_labelled(&self) -> bool {
        !self.labelled.is_empty()
    }

    /// Hands on what each image is called and which labels it has, a row at a time.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn each(&self, take: &mut TakePicture<'_>) -> Result<(), DatasetError> {
        guarded(&self.column.path, || self.read(take))
    }

    /// The columns; else the outer error is of the file, and the inner one of the names of its columns.
    fn find(path: &Path) -> Result<Result<Self, DatasetError>, String> {
        let builder = super::open(path)?;
        let (root, leaf) = image_leaf(&builder).ok_or("no column of it holds images")?;
        let fields = builder.schema().fields();
        let columns: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let spec = Spec::manifest(false);
        let labelled = match Columns::without_image(&columns, &spec) {
            Ok(found) => found.of(Role::Label).to_vec(),
            Err(fault) => {
                return Ok(Err(fault.told(
                    path,
                    None,
                    &columns,
                    (&spec, String::new()),
                )));
            }
        };
        for &i in &labelled {
            check_label_type(fields[i].data_type())
                .map_err(|what| format!("column `{}`: {what}", columns[i]))?;
        }
        let naming = Naming::find(fields, root);
        let read = labelled.iter().copied().chain(naming.column());
        check_compression(&builder, &read.chain([root]).collect::<Vec<_>>())?;
        Ok(Ok(Self {
            column: Arc::new(PictureColumn::new(path, leaf)?),
            columns,
            root,
            naming,
            labelled,
        }))
    }

    fn read(&self, take: &mut TakePicture<'_>) -> Result<(), String> {
        let builder = super::open(&self.column.path)?;
        let labelling = Labelling::new(&self.column.path, builder.schema(), &self.labelled);
        let schema = builder.parquet_schema();
        let wanted = (0..schema.num_columns()).filter(|&leaf| {
            let root = schema.get_column_root_idx(leaf);
            let column = schema.column(leaf);
            let is_path = column
                .path()
                .parts()
                .last()
                .is_some_and(|part| part == "path");
            let is_name = match self.naming {
                Naming::Id(column) | Naming::Path(column) => root == column,
                Naming::Struct => root == self.root && is_path,
                Naming::Row => false,
            };
            is_name || self.labelled.contains(&root)
        });
        let mask = ProjectionMask::leaves(schema, wanted.collect::<Vec<_>>());
        let reader = builder.with_projection(mask).build();
        let mut row = 0_u64;
        for batch in reader.map_err(|error| error.to_string())? {
            let batch = batch.map_err(|error| format!("row {} or after: {error}", row + 1))?;
            let names = self.names(&batch);
            let labels = labelling.of(&batch)?;
            for i in 0..batch.num_rows() {
                row += 1;
                let name = names.as_ref().and_then(|names| {
                    let text = names.text(i).map(|text| text.trim().to_owned());
                    text.filter(|text| !text.is_empty())
                        .or_else(|| names.number(i))
                });
                if let (Naming::Id(i), None) = (self.naming, &name) {
                    let column = &self.columns[i];
                    return Err(format!("row {row}: nothing in the column `{column}`"));
                }
                let labels = labels
                    .get(i)
                    .map_err(|what| format!("row {row}: a label: {what}"))?;
                take(name, &labels);
            }
        }
        Ok(())
    }

    /// The column of a batch that names its images.
    fn names(&self, batch: &RecordBatch) -> Option<Values> {
        match self.naming {
            Naming::Id(i) | Naming::Path(i) => {
                batch.column_by_name(&self.columns[i]).map(Values::new)
            }
            Naming::Struct => {
                let images = batch.column_by_name(&self.columns[self.root])?;
                let path = images.as_struct_opt()?.column_by_name("path")?;
                Some(Values::new(path))
            }
            Naming::Row => None,
        }
    }
}

/// What `read` gives, or what is wrong with the table.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, String>) -> Result<T, DatasetError> {
    let read = guard(read).unwrap_or_else(|| Err("the Parquet file is damaged".to_owned()));
    read.map_err(|what| DatasetError::File {
        path: path.to_owned(),
        what,
    })
}

/// What images are called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// The column of ids.
    Id(usize),
    /// The column of paths.
    Path(usize),
    /// The path beside the bytes of each image.
    Struct,
    /// The number of the row.
    Row,
}

impl Naming {
    fn find(fields: &[FieldRef], images: usize) -> Self {
        let column = |names: &[&str], is_name: fn(&DataType) -> bool| {
            let position = |name: &&str| {
                let is_it = |field: &FieldRef| {
                    field.name().eq_ignore_ascii_case(name) && is_name(field.data_type())
                };
                fields.iter().position(is_it)
            };
            names.iter().find_map(position)
        };
        let is_text = |data_type: &DataType| super::check_image_type(data_type).is_ok();
        let is_id = |data_type: &DataType| {
            data_type.is_integer() || super::check_image_type(data_type).is_ok()
        };
        if let Some(id) = column(&IDS, is_id) {
            return Self::Id(id);
        }
        if let Some(path) = column(&PATHS, is_text) {
            return Self::Path(path);
        }
        match fields[images].data_type() {
            DataType::Struct(parts) if parts.find("path").is_some() => Self::Struct,
            _ => Self::Row,
        }
    }

    fn column(self) -> Option<usize> {
        match self {
            Self::Id(column) | Self::Path(column) => Some(column),
            Self::Struct | Self::Row => None,
        }
    }
}

/// The column that holds images, and the leaf of their bytes.
fn image_leaf(builder: &Builder) -> Option<(usize, usize)> {
    let fields = builder.schema().fields();
    let is_bytes = |data_type: &DataType| {
        use DataType::{Binary, BinaryView, LargeBinary};
        matches!(data_type, Binary | LargeBinary | BinaryView)
    };
    let holds = |field: &FieldRef| match field.data_type() {
        DataType::Struct(parts) => {
            let bytes = parts.find("bytes");
            bytes.is_some_and(|(_, bytes)| is_bytes(bytes.data_type()))
        }
        other => is_bytes(other),
    };
    let named = |name: &&str| {
        let is_it = |field: &FieldRef| field.name().eq_ignore_ascii_case(name) && holds(field);
        fields.iter().position(is_it)
    };
    let root = IMAGES.iter().find_map(named)?;
    let schema = builder.parquet_schema();
    let is_leaf = |&leaf: &usize| {
        let column = schema.column(leaf);
        let parts = column.path().parts();
        schema.get_column_root_idx(leaf) == root
            && (parts.len() == 1 || parts.last().is_some_and(|part| part == "bytes"))
    };
    Some((root, (0..schema.num_columns()).find(is_leaf)?))
}

impl PictureColumn {
    fn new(path: &Path, leaf: usize) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(|error| error.to_string())?;
        let mut first = 0;
        let groups = metadata.metadata().row_groups().iter().map(|group| {
            let rows = u64::try_from(group.num_rows()).unwrap_or(0);
            let bytes = u64::try_from(group.column(leaf).uncompressed_size()).unwrap_or(0);
            let window = (WINDOW.saturating_mul(rows) / bytes.max(1)).clamp(1, WINDOW_ROWS);
            first += rows;
            Group {
                first: first - rows,
                rows,
                window,
            }
        });
        Ok(Self {
            path: path.to_owned(),
            leaf,
            groups: groups.collect(),
            metadata,
            recent: Mutex::default(),
        })
    }

    /// The table.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of the image file in a row, from 0.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(&self, row: u64) -> Result<Vec<u8>, String> {
        let after = self.groups.partition_point(|group| group.first <= row);
        let group = after.checked_sub(1).ok_or("the table has no rows")?;
        let Group {
            first,
            rows,
            window,
        } = self.groups[group];
        let row = row - first;
        let first = row / window * window;
        let window = Window {
            group,
            first,
            rows: window.min(rows.saturating_sub(first)),
        };
        let content = self.kept(window);
        let values = content.get_or_init(|| {
            let read = guard(|| self.read_window(window));
            read.unwrap_or_else(|| Err("the Parquet file is damaged".to_owned()))
        });
        let values = values.as_ref().map_err(Clone::clone)?;
        let value = values.get((row - first) as usize).and_then(Option::as_ref);
        let value = value.ok_or("no bytes of an image in this row")?;
        Ok(value.to_vec())
    }

    /// The place for the content of a window, the same for all who ask for it at a time.
    fn kept(&self, window: Window) -> Arc<Content> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = recent.iter().position(|kept| kept.window == window)
            && let Some(kept) = recent.remove(at)
        {
            let content = Arc::clone(&kept.content);
            recent.push_back(kept);
            return content;
        }
        while recent.len() >= KEPT {
            recent.pop_front();
        }
        let content = Arc::default();
        recent.push_back(Kept {
            window,
            content: Arc::clone(&content),
        });
        content
    }

    fn read_window(&self, window: Window) -> Result<Vec<Option<Box<[u8]>>>, String> {
        let failed = |error: parquet::errors::ParquetError| error.to_string();
        let file = File::open(&self.path).map_err(|error| error.to_string())?;
        let selection = RowSelection::from(vec![
            RowSelector::skip(window.first as usize),
            RowSelector::select(window.rows as usize),
        ]);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::leaves(builder.parquet_schema(), [self.leaf]);
        let reader = builder
            .with_projection(mask)
            .with_row_groups(vec![window.group])
            .with_row_selection(selection)
            .with_batch_size(window.rows as usize)
            .build()
            .map_err(failed)?;
        let mut values = Vec::with_capacity(window.rows as usize);
        for batch in reader {
            let batch = batch.map_err(|error| error.to_string())?;
            add_values(batch.column(0), &mut values);
        }
        Ok(values)
    }
}

/// Adds the bytes of each row, of a struct those of its field.
fn add_values(column: &ArrayRef, values: &mut Vec<Option<Box<[u8]>>>) {
    if let Some(parts) = column.as_struct_opt() {
        let start = values.len();
        add_values(parts.column(0), values);
        for i in (0..parts.len()).filter(|&i| parts.is_null(i)) {
            values[start + i] = None;
        }
    } else if let Some(bytes) = column.as_binary_opt::<i32>() {
        values.extend(bytes.iter().map(|value| value.map(Box::from)));
    } else if let Some(bytes) = column.as_binary_opt::<i64>() {
        values.extend(bytes.iter().map(|value| value.map(Box::from)));
    } else if let Some(bytes) = column.as_binary_view_opt() {
        values.extend(bytes.iter().map(|value| value.map(Box::from)));
    }
}
